using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Hosting;

public sealed class BrokerAddressTests
{
    [Theory]
    [InlineData("redis://host:6379", "redis://host:6379")]
    [InlineData("redis://host", "redis://host")]
    [InlineData("rediss://host:6379/3", "rediss://host:6379")]
    [InlineData("redis://[::1]:6379/3", "redis://[::1]:6379")]
    [InlineData("amqp://guest:SECRET@host:5672/vhost", "amqp://host:5672")]
    [InlineData("amqp://guest:SECRET@a:1,b:2/vhost", "amqp://a:1,b:2")]
    [InlineData("host:6379", "host:6379")]
    [InlineData("a:1,b:2,password=SECRET,ssl=true", "a:1,b:2")]
    [InlineData("a:1,password=SEC@SECRET", "a:1")]
    [InlineData("redis://:SECRET@host", "redis://host")]
    [InlineData("redis://:SEC@RET@host", "redis://host")]
    [InlineData("redis://:SEC/RET@host:1", "redis://host:1")]
    [InlineData("redis://u:1/SECRET@host", "redis://host")]
    [InlineData("redis://:SEC?RET@host", "redis://…")]
    [InlineData("redis://:SEC#RET@host", "redis://…")]
    [InlineData("redis://host?password=SEC@RET", "redis://…")]
    [InlineData("redis://host,password=SEC@RET", "redis://…")]
    [InlineData("password=SECRET,host:1", "…")]
    [InlineData("u:SECRET@host:1", "…")]
    [InlineData("", "")]
    public void An_address_never_shows_a_password(string url, string shown)
    {
        Assert.Equal(shown, BrokerAddress.Of(url));
        Assert.Equal(shown, new BrokerOptions { Adapter = "redis", Url = url }.Address);
        Assert.DoesNotContain("SEC", new BrokerOptions { Adapter = "redis", Url = url }.ToString(), StringComparison.Ordinal);
    }
}
