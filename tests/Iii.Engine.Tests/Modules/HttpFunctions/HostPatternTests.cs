using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

public class HostPatternTests
{
    [Theory]
    [InlineData("*", "example.org", true)]
    [InlineData("example.org", "example.org", true)]
    [InlineData("Example.ORG", "example.org", true)]
    [InlineData("example.org", "example.org.evil.net", false)]
    [InlineData("example.org", "badexample.org", false)]
    [InlineData("*.example.org", "api.example.org", true)]
    [InlineData("*.example.org", "a.b.example.org", true)]
    [InlineData("*.example.org", "example.org", false)]
    [InlineData("*.example.org", "example.org.evil.net", false)]
    [InlineData("api?.example.org", "api1.example.org", true)]
    [InlineData("api?.example.org", "api.example.org", false)]
    [InlineData("api[1-3].example.org", "api2.example.org", true)]
    [InlineData("api[1-3].example.org", "api4.example.org", false)]
    [InlineData("api[!1-3].example.org", "api4.example.org", true)]
    [InlineData("api[!1-3].example.org", "api2.example.org", false)]
    [InlineData("[a-cx].org", "x.org", true)]
    [InlineData("[]].org", "].org", true)]
    [InlineData("[a-].org", "-.org", true)]
    [InlineData("a*b*c", "aXbXbc", true)]
    [InlineData("a*b*c", "aXbXb", false)]
    [InlineData("::1", "::1", true)]
    public void Pattern_matches_whole_hosts(string text, string host, bool matches)
    {
        Assert.True(HostPattern.TryParse(text, out var pattern, out _));
        Assert.Equal(matches, pattern.Matches(host));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("[!]")]
    [InlineData("a[b")]
    [InlineData("[z-a]")]
    [InlineData("https://example.org")]
    [InlineData("example.org/path")]
    public void Malformed_pattern_is_refused(string text)
    {
        Assert.False(HostPattern.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void Pattern_with_many_stars_does_not_take_for_ever()
    {
        Assert.True(HostPattern.TryParse(string.Concat(Enumerable.Repeat("*a", 100)) + "b", out var pattern, out _));
        Assert.False(pattern.Matches(new string('a', 10_000)));
    }
}
