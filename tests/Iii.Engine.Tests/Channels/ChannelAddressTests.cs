using Iii.Engine.Channels;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Tests.Channels;

public sealed class ChannelAddressTests
{
    [Theory]
    [InlineData("/ws/channels/a.b?key=k&dir=read", "a.b", "k", "Read")]
    [InlineData("/iii/v1/ws/channels/a.b?key=k&dir=write", "a.b", "k", "Write")]
    [InlineData("/?token=t/ws/channels/a.b?key=k&dir=read", "a.b", "k", "Read")]
    [InlineData("/p?token=t&x=1/ws/channels/a.b?key=k%2B&dir=write", "a.b", "k+", "Write")]
    [InlineData("/ws/channels/a.b?key=k", "a.b", "k", null)]
    [InlineData("/ws/channels/a.b?dir=read", "a.b", null, "Read")]
    [InlineData("/ws/channels/a.b?key=k&dir=READ", "a.b", "k", null)]
    [InlineData("/?token=t/ws/channels/a.b", "a.b", null, null)]
    [InlineData("/ws/channels/", "", null, null)]
    public void Channel_is_found_in_path_and_query(string target, string id, string? key, string? direction)
    {
        var address = Find(target)!.Value;
        Assert.Equal((id, key, direction), (address.ChannelId, address.Key, address.Direction?.ToString()));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/otel")]
    [InlineData("/ws/channel/a?key=k&dir=read")]
    [InlineData("/?token=/ws/chan")]
    public void Other_targets_are_no_channels(string target) => Assert.Null(Find(target));

    private static ChannelAddress? Find(string target)
    {
        var context = new DefaultHttpContext();
        var query = target.IndexOf('?', StringComparison.Ordinal);
        context.Request.Path = query < 0 ? target : target[..query];
        context.Request.QueryString = new QueryString(query < 0 ? null : target[query..]);
        return ChannelAddress.Find(context.Request);
    }
}
