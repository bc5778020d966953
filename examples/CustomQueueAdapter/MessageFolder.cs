using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>A folder of messages: those of a group, its dead letters, or those that wait for the queue's first group.</summary>
/// <remarks>
/// <code>
/// ROOT/.new/                      what is being written, or deleted
/// ROOT/QUEUE/.unbound/MESSAGE     from before the queue had a group
/// ROOT/QUEUE/GROUP/MESSAGE        the content is a QueueDelivery, as of the last attempt that ended with a verdict
/// ROOT/QUEUE/GROUP/.dead/MESSAGE  a dead letter
/// ROOT/QUEUE/GROUP/.consumers     locked while the group has a consumer, in whatever process
/// </code>
/// </remarks>
internal sealed record MessageFolder(string Root, string Queue, string Name)
{
    public const string Unbound = ".unbound";
    public const string New = ".new";

    public string FullName => Path.Combine(Root, Queue, Name);

    public MessageFolder Dead => this with { Name = Path.Combine(Name, ".dead") };

    /// <summary>Names may be longer, and have other characters, than those of files.</summary>
    public static string Encode(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit).Take(40))
        + $"-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32]}";

    /// <summary>The messages, the one that is due first in front; none where there is no such folder, unless the disk is gone.</summary>
    public IEnumerable<MessageName> List() => Directory.Exists(FullName) || !Directory.Exists(Root)
        ? Directory.EnumerateFiles(FullName).Select(MessageName.Parse).OfType<MessageName>().OrderBy(static name => $"{name}", StringComparer.Ordinal)
        : [];

    /// <summary>The folders that a message of this queue goes to.</summary>
    public IReadOnlyList<MessageFolder> Groups()
    {
        var folders = Directory.EnumerateDirectories(Path.Combine(Root, Queue)).Select(static folder => Path.GetFileName(folder)!).ToList();
        return [.. folders.Where(name => name[0] != '.' || folders.Count == 1).Select(name => this with { Name = name })];
    }

    /// <summary>Makes this a group of the queue. It counts as used until the result is disposed of, or the process has ended.</summary>
    public IDisposable Bind()
    {
        Directory.CreateDirectory(Dead.FullName);
        Adopt();
        return Lock(FileShare.ReadWrite);
    }

    /// <summary>Takes what came before there was a group.</summary>
    public void Adopt()
    {
        var unbound = this with { Name = Unbound };
        unbound.List().ToList().ForEach(name => unbound.TryMove(name, name, this));
    }

    /// <summary>Locks a group that nobody uses.</summary>
    public IDisposable LockAlone()
    {
        try
        {
            return Lock(FileShare.None);
        }
        catch (IOException e)
        {
            throw new BrokerException(BrokerErrorCodes.Conflict, $"The group has consumers; it can be removed when they are gone. ({e.Message})", e);
        }
    }

    /// <summary>Stores a message: when this returns, it survives a loss of power.</summary>
    public void Add(MessageName name, QueueDelivery message) => Write(name, message, static _ => true);

    /// <summary>Replaces the content of a message that is held; false when the lease ran out before that was on disk.</summary>
    public bool TryReplace(MessageName name, QueueDelivery message) => Write(name, message, File.Exists);

    /// <summary>Null when somebody else has moved it.</summary>
    public QueueDelivery? TryRead(MessageName name)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(FullName, $"{name}")), MessageJson.Default.QueueDelivery);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The step of every change: of several who try it, one succeeds.</summary>
    public bool TryMove(MessageName name, MessageName next, MessageFolder? target = null)
    {
        try
        {
            // Without `overwrite`, .NET would make a second link and delete the first: two could succeed.
            File.Move(Path.Combine(FullName, $"{name}"), Path.Combine((target ?? this).FullName, $"{next}"), overwrite: true);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    public bool Delete(MessageName name)
    {
        File.Delete(Path.Combine(FullName, $"{name}"));
        return true;
    }

    private bool Write(MessageName name, QueueDelivery message, Predicate<string> mayStand)
    {
        var (path, target) = (Path.Combine(Root, New, Guid.NewGuid().ToString("N")), Path.Combine(FullName, $"{name}"));
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        JsonSerializer.Serialize(file, message, MessageJson.Default.QueueDelivery);
        file.Flush(flushToDisk: true);
        if (!mayStand(target))
        {
            File.Delete(path);
            return false;
        }

        File.Move(path, target, overwrite: true);
        RandomAccess.FlushToDisk(file.SafeFileHandle); // a journal that has this has the rename before it
        return true;
    }

    private FileStream Lock(FileShare share) => new(Path.Combine(FullName, ".consumers"), FileMode.OpenOrCreate, FileAccess.ReadWrite, share);
}

[JsonSerializable(typeof(QueueDelivery))]
internal sealed partial class MessageJson : JsonSerializerContext;
