using System.Net;

namespace Iii.Adapters.Redis.Tests;

public sealed class RedisUrlTests
{
    [Theory]
    [InlineData("redis://localhost", "localhost", 6379, null, null, null, false)]
    [InlineData("redis://localhost:7001/3", "localhost", 7001, null, null, 3, false)]
    [InlineData("redis://:s%40cret@r.example:7001", "r.example", 7001, null, "s@cret", null, false)]
    [InlineData("redis://ann:p%3Aw:x@r.example/0", "r.example", 6379, "ann", "p:w:x", 0, false)]
    [InlineData("redis://secret@r.example", "r.example", 6379, null, "secret", null, false)]
    [InlineData("rediss://ann:pw@r.example:7002/", "r.example", 7002, "ann", "pw", null, true)]
    [InlineData("r.example:7003,password=pw,user=ann,defaultDatabase=2", "r.example", 7003, "ann", "pw", 2, false)]
    [InlineData("r.example:7003,password=redis,ssl=true", "r.example", 7003, null, "redis", null, true)]
    public void A_url_or_configuration_is_read(
        string url, string host, int port, string? user, string? password, int? database, bool isTls)
    {
        var options = RedisUrl.Parse(url);

        var endPoint = Assert.IsType<DnsEndPoint>(Assert.Single(options.EndPoints));
        Assert.Equal((host, port), (endPoint.Host, endPoint.Port));
        Assert.Equal((user, password, database, isTls), (options.User, options.Password, options.DefaultDatabase, options.Ssl));
    }

    [Fact]
    public void Addresses_are_hosts_too()
    {
        Assert.Equal(IPEndPoint.Parse("[::1]:7001"), Assert.Single(RedisUrl.Parse("redis://[::1]:7001").EndPoints));
        Assert.Equal(2, RedisUrl.Parse("10.0.0.1:7001,10.0.0.2:7002,serviceName=main").EndPoints.Count);
    }

    [Theory]
    [InlineData("redis://")]
    [InlineData("http://:pwpwpw@host")]
    [InlineData("redis://:pwpwpw@host:port")]
    [InlineData("redis://:pwpwpw@host/x")]
    [InlineData("redis://:pwpwpw@host?db=1")]
    [InlineData("password=pwpwpw")]
    [InlineData("host,pwpwpw=pwpwpw")]
    [InlineData("host,connectTimeout=pwpwpw")]
    public void What_cannot_be_read_is_refused_with_help_and_without_the_password(string url)
    {
        var exception = Assert.Throws<ArgumentException>(() => RedisUrl.Parse(url));
        Assert.Contains("Write redis://", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pwpwpw", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_do_not_print_the_password() =>
        Assert.DoesNotContain("pwpwpw", new RedisBrokerOptions { Url = "redis://:pwpwpw@host" }.ToString(), StringComparison.Ordinal);
}
