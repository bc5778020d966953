[assembly: AssemblyFixture(typeof(Iii.Adapters.Redis.Tests.RedisFixture))]

namespace Iii.Adapters.Redis.Tests;

/// <summary>The redis-server that all tests share which do not break it.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    public RedisServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RedisServer.StartAsync(new RedisServerOptions { AppendFsync = "everysec" });

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
