using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class RoutePatternTests
{
    [Theory]
    [InlineData("a/b", "/a/b")]
    [InlineData("/a/b", "/a/b")]
    [InlineData("//a/b", "/a/b")]
    [InlineData("", "/")]
    [InlineData("/", "/")]
    [InlineData("a/", "/a/")]
    [InlineData("users/:id", "/users/:")]
    [InlineData("users/{id}", "/users/:")]
    [InlineData("files/*rest", "/files/*")]
    [InlineData("files/{*rest}", "/files/*")]
    [InlineData("a%20b", "/a%20b")]
    public void Shape_is_the_pattern_without_names(string text, string shape) => Assert.Equal(shape, Parse(text).Shape);

    [Fact]
    public void Text_stays_as_the_client_wrote_it() => Assert.Equal("//a/:b", Parse("//a/:b").Text);

    [Fact]
    public void Trailing_slash_can_be_made_not_to_matter()
    {
        Assert.Equal("/a", RoutePattern.TryParse("a/", ignoreTrailingSlash: true, out _)!.Shape);
        Assert.Equal("/", RoutePattern.TryParse("/", ignoreTrailingSlash: true, out _)!.Shape);
    }

    [Theory]
    [InlineData("a/:", "\":\" has no name; write \":id\"")]
    [InlineData("a/{}", "\"{}\" has no name; write \":id\"")]
    [InlineData("a/*", "\"*\" has no name; write \"*rest\"")]
    [InlineData("a/*rest/b", "write it last")]
    [InlineData("a/:x/:x", "names the parameter \"x\" twice")]
    [InlineData("a/b{x}", "mixes braces with text")]
    [InlineData("a/{x}{y}", "mixes braces with text")]
    [InlineData("a?x=1", "write the path alone, \"a\"")]
    [InlineData("caf\u00e9/x y", "write \"caf%C3%A9/x%20y\"")]
    public void Pattern_that_cannot_match_is_refused_with_what_to_write(string text, string problem)
    {
        Assert.Null(RoutePattern.TryParse(text, false, out var actual));
        Assert.Contains(problem, actual, StringComparison.Ordinal);
    }

    [Fact]
    public void Length_and_depth_are_bounded()
    {
        Assert.Null(RoutePattern.TryParse(string.Join('/', Enumerable.Repeat("a", 129)), false, out var tooDeep));
        Assert.Contains("128", tooDeep, StringComparison.Ordinal);
        Assert.Null(RoutePattern.TryParse(new string('a', 5000), false, out var tooLong));
        Assert.Contains("4096", tooLong, StringComparison.Ordinal);
    }

    private static RoutePattern Parse(string text) => RoutePattern.TryParse(text, false, out _)!;
}
