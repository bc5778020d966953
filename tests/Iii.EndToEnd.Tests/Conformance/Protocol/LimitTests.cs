using System.Net.WebSockets;
using System.Text;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Messages that are too large, and workers that do not read what is sent to them.</summary>
[Collection(nameof(StrictEngine))]
public class LimitTests(StrictEngine engine)
{
    private const int MessageLimit = 1024 * 1024;

    /// <remarks>The limit is that of a message, not of a frame, and its default is 64 MiB. The close code says why.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.49")]
    public async Task Message_over_the_limit_closes_its_connection_and_no_other()
    {
        await using var bystander = await engine.ConnectAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync("\"" + new string('x', MessageLimit - 2) + "\"");
        Assert.Empty(await worker.BarrierAsync());
        await worker.SendAsync(new string('x', MessageLimit + 1));
        await worker.EndAsync();
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, worker.CloseStatus);
        Assert.Empty(await bystander.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.8")]
    public async Task Worker_that_stopped_reading_has_its_pings_answered()
    {
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        using var stuck = await RawSocket.ConnectAsync(engine.WorkerPort, RawSocket.Frame(1, $$"""{"type":"registerfunction","id":"{{f}}"}"""));
        await Eventually.TrueAsync("the function is listed", async () => await Discovery.CountAsync(caller, "functions", f) == 1);

        // The kernel's buffers take some megabytes before the queue is full and the caller is told so.
        var data = "\"" + new string('x', 64 * 1024) + "\"";
        var calls = 0;
        await Eventually.TrueAsync("the queue is full", async () =>
        {
            await caller.SendCallAsync(Guid.NewGuid(), f, data);
            calls++;
            return (await caller.BarrierAsync()).Count > 0;
        });
        Assert.InRange(calls, 4, int.MaxValue);

        await stuck.WriteAsync(RawSocket.Frame(9, "still there?"));
        byte opcode;
        byte[] payload;
        do
        {
            (opcode, payload) = await stuck.ReadFrameAsync();
        }
        while (opcode == 1);
        Assert.Equal((10, "still there?"), (opcode, Encoding.UTF8.GetString(payload)));
    }
}
