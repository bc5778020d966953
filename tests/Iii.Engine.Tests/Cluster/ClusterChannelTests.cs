using System.Net.WebSockets;
using System.Text;

namespace Iii.Engine.Tests.Cluster;

public sealed class ClusterChannelTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    public async Task Ends_open_at_any_instance_and_keep_order_and_boundaries(int writerAt, int readerAt)
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var worker = await cluster[0].ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(cluster[writerAt].WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(cluster[readerAt].WorkerPort, readerRef);
        await writer.WriteAsync("one");
        await writer.WriteAsync("two"u8.ToArray());
        await writer.WriteAsync([]);
        await writer.WriteAsync("three");
        await writer.CloseAsync();
        Assert.Equal("t:one b:two b: t:three", await reader.ReadAllAsync());
        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    public async Task Messages_larger_than_a_frame_of_the_bus_arrive_whole_and_a_slow_reader_holds_the_writer_back()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var worker = await cluster[0].ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(cluster[2].WorkerPort, readerRef);
        const int Count = 24;
        var bytes = new byte[2 * 1024 * 1024];
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < Count; i++)
            {
                Array.Fill(bytes, (byte)i);
                await writer.WriteAsync(bytes);
            }

            await writer.CloseAsync();
        });
        for (var i = 0; i < Count; i++)
        {
            var message = await reader.ReadAsync();
            Assert.Equal(bytes.Length, message!.Value.Bytes.Length);
            Assert.Equal(-1, message.Value.Bytes.AsSpan().IndexOfAnyExcept((byte)i));
        }

        await writing;
        Assert.Null(await reader.ReadAsync());
    }

    [Fact]
    public async Task Key_is_checked_and_a_second_claim_is_refused_from_anywhere()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var worker = await cluster[0].ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        var path = TestChannelEnd.PathOf(readerRef);
        await Assert.ThrowsAsync<WebSocketException>(() => TestChannelEnd.OpenAsync(
            cluster[1].WorkerPort, path.Replace(readerRef.GetProperty("access_key").GetString()!, Guid.NewGuid().ToString(), StringComparison.Ordinal)));
        await Assert.ThrowsAsync<WebSocketException>(() => TestChannelEnd.OpenAsync(
            cluster[1].WorkerPort, path.Replace(readerRef.GetProperty("channel_id").GetString()!, $"nobody.{Guid.NewGuid()}", StringComparison.Ordinal)));
        using var reader = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, readerRef);
        using var second = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, readerRef);
        Assert.Null(await second.ReadAsync());
        using var third = await TestChannelEnd.OpenAsync(cluster[0].WorkerPort, readerRef);
        Assert.Null(await third.ReadAsync());
        using var writer = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, writerRef);
        await writer.WriteAsync("still mine");
        await writer.CloseAsync();
        Assert.Equal("t:still mine", await reader.ReadAllAsync());
    }

    [Fact]
    public async Task Lost_writer_and_lost_instance_are_told_apart_from_an_end()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var worker = await cluster[0].ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var reader = await TestChannelEnd.OpenAsync(cluster[0].WorkerPort, readerRef);
        using (var writer = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, writerRef))
        {
            await writer.WriteAsync("part");
            Assert.Equal("part", Encoding.UTF8.GetString((await reader.ReadAsync())!.Value.Bytes));
            writer.Abort();
        }

        Assert.Null(await reader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, reader.CloseStatus);

        (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var cutReader = await TestChannelEnd.OpenAsync(cluster[0].WorkerPort, readerRef);
        using var cutWriter = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, writerRef);
        await cutWriter.WriteAsync("part");
        await cutReader.ReadAsync();
        cluster.Bus(1).Cut();
        Assert.Null(await cutReader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, cutReader.CloseStatus);
    }

    [Fact]
    public async Task Reader_that_goes_ends_a_writer_at_another_instance()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var worker = await cluster[0].ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        var reader = await TestChannelEnd.OpenAsync(cluster[0].WorkerPort, readerRef);
        using var writer = await TestChannelEnd.OpenAsync(cluster[1].WorkerPort, writerRef);
        await writer.WriteAsync("x");
        await reader.ReadAsync();
        reader.Dispose();
        Assert.Null(await writer.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, writer.CloseStatus);
    }
}
