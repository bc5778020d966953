namespace Iii.Adapters.Redis.Queues;

/// <summary>The scripts of the queues. What each takes and returns is said in its file.</summary>
internal static class QueueScripts
{
    private const string Common = "common";
    private const string AllowOutOfMemory = "allow-oom";

    /// <summary>The only one that adds more than it takes away, so that Redis refuses it as a whole when its memory is full.</summary>
    public static RedisScript Enqueue { get; } = RedisScript.Load("", Common, "enqueue");

    public static RedisScript Index { get; } = RedisScript.Load(AllowOutOfMemory, "index");

    public static RedisScript Register { get; } = Load("register");

    public static RedisScript Bind { get; } = Load("bind");

    public static RedisScript Work { get; } = Load("work");

    public static RedisScript Leave { get; } = Load("leave");

    public static RedisScript Renew { get; } = Load("renew");

    public static RedisScript RemoveGroup { get; } = Load("remove_group");

    public static RedisScript Cancel { get; } = Load("cancel");

    public static RedisScript Stats { get; } = Load("stats");

    public static RedisScript ListDead { get; } = Load("list_dead");

    public static RedisScript Redrive { get; } = Load("redrive");

    public static RedisScript Discard { get; } = Load("discard");

    private static RedisScript Load(string name) => RedisScript.Load(AllowOutOfMemory, Common, name);
}
