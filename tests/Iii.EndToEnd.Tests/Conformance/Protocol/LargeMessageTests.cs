using System.Net.WebSockets;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>The default limit of a message, which is larger than the line asks for.</summary>
public class LargeMessageTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "protocol 11.49")]
    public async Task Frame_of_17_mebibytes_is_taken()
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync("\"" + new string('x', 17 * 1024 * 1024) + "\"");
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.49")]
    public async Task Frame_of_65_mebibytes_closes_its_connection_and_no_other()
    {
        await using var bystander = await engine.ConnectAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(new byte[65 * 1024 * 1024], WebSocketMessageType.Binary);
        await worker.EndAsync();
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, worker.CloseStatus);
        Assert.Empty(await bystander.BarrierAsync());
    }
}
