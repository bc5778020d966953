using Iii.Engine.Configuration;

namespace Iii.Engine.Tests.Configuration;

public sealed class YamlTreeTests
{
    [Fact]
    public void A_duplicate_key_is_an_error_that_names_the_first()
    {
        Assert.Equal(["3:1 key 'port' is already given in line 1"], Configured.Errors("port: 1\nmodules: []\nport: 2\n"));
    }

    [Fact]
    public void An_anchor_may_be_used_again()
    {
        var configuration = Configured.Valid(
            "modules:\n  - class: modules::api::RestApiModule\n    config: { host: &h 127.0.0.1 }\n"
            + "  - class: modules::worker::WorkerModule\n    config: { host: *h }\n");

        Assert.Equal("127.0.0.1", configuration.Http!.Host);
        Assert.Equal("127.0.0.1", configuration.Gateway.Host);
    }

    [Fact]
    public void A_wrong_value_behind_an_alias_is_reported_where_it_is_written()
    {
        var errors = Configured.Errors(
            "modules:\n  - class: modules::api::RestApiModule\n    config: { port: &p x }\n"
            + "  - class: modules::worker::WorkerModule\n    config: { port: *p }\n");

        Assert.Equal(2, errors.Length);
        Assert.All(errors, error => Assert.StartsWith("3:", error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("port: *none")]
    [InlineData("modules: &a [*a]")]
    public void An_alias_of_nothing_or_of_itself_is_an_error(string text)
    {
        Assert.Contains("ends before this alias", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_of_aliases_cannot_blow_up_a_file()
    {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
        for (var i = 1; i < 12; i++)
        {
            text += $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n";
        }

        Assert.Contains("more than 100000 values", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_cannot_get_around_the_limit_of_nesting()
    {
        var text = "a0: &a0 [x]\n";
        for (var i = 1; i < 100; i++)
        {
            text += $"a{i}: &a{i} [*a{i - 1}]\n";
        }

        Assert.Contains("nested too deeply", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("[{")]
    public void Nesting_is_bounded(string opening)
    {
        var error = Configured.Error(string.Concat(Enumerable.Repeat(opening, 100_000)));

        Assert.Contains("nested too deeply", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_that_a_variable_brings_is_bounded()
    {
        var value = new string('[', 100) + new string(']', 100);

        Assert.Contains("nested too deeply", Configured.Error("modules: ${X}", ("X", value)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void As_many_levels_as_the_limit_are_fine()
    {
        // The root, the list, the entry and the config are the first four.
        var text = "modules: [{class: modules::telemetry::TelemetryModule, config: {a: " + new string('[', 59) + "1" + new string(']', 59) + "}}]";

        Configured.Valid(text);
        Assert.Contains("nested too deeply", Configured.Error(text.Replace("[1]", "[[[1]]]", StringComparison.Ordinal)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_number_of_values_is_bounded()
    {
        var text = "modules: [" + string.Concat(Enumerable.Repeat("1,", 200_000)) + "]";

        Assert.Contains("more than 100000 values", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_document_is_an_error()
    {
        Assert.StartsWith("2:1 a second document starts here", Assert.Single(Configured.Errors("port: 1\n---\nport: 2\n")), StringComparison.Ordinal);
    }

    [Fact]
    public void Document_markers_are_fine()
    {
        Assert.Equal(1, Configured.Valid("%YAML 1.2\n---\nport: 1\n...\n").Gateway.Port);
    }

    [Fact]
    public void Merge_keys_are_an_error()
    {
        var error = Configured.Error("workers: [{name: iii-http, config: &a {port: 1}}]\nmodules: [{class: modules::worker::WorkerModule, config: {<<: *a}}]");

        Assert.Contains("merge keys", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[a]: 1")]
    [InlineData("{a: b}: 1")]
    [InlineData("? [a]\n: 1")]
    public void A_key_is_a_name(string text)
    {
        Assert.Contains("a key must be a single name", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tag_that_is_not_of_the_core_schema_is_an_error()
    {
        Assert.StartsWith("1:7 tag '!secret' is not supported", Assert.Single(Configured.Errors("port: !secret 1")), StringComparison.Ordinal);
        Assert.Equal(1, Configured.Valid("port: !!int 1").Gateway.Port);
    }

    [Theory]
    [InlineData("port: 1\0\nmodules: x", 1, 8)]
    [InlineData("port: 1\n\u0007", 2, 1)]
    public void A_control_character_is_an_error(string text, int line, int column)
    {
        var error = Configured.Error(text);

        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.Contains("is not allowed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_an_error()
    {
        Assert.StartsWith("1:7 the character U+D83D is not allowed", Assert.Single(Configured.Errors("port: \ud83d")), StringComparison.Ordinal);
        Assert.False(Configured.Load("port: \"\\ud83d\"").IsValid);
        Assert.False(Configured.Load("port: \"${X}\"", ("X", "\ud83d")).IsValid);
    }

    [Fact]
    public void All_line_endings_count_lines()
    {
        Assert.Equal("4:2", Configured.Errors(" port: 1\r\n\n # \ud83d\ude00\r prot: 1")[0][..3]);
    }

    [Fact]
    public void A_syntax_error_says_where()
    {
        var error = Configured.Error("port: 1\nmodules:\n  - class: \"open\n");

        Assert.Contains("this is not YAML", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Line, 3, 4);
    }

    [Theory]
    [InlineData("modules: [1\nport: 2", "The '[' in line 1 is not closed before it.")]
    [InlineData("modules:\n  - {a: [1, 2], b: c\nport: 2", "a brace or a quote before it not closed?")]
    [InlineData("port: \"\\uD800\\uD800\"", "the text cannot go on like this")]
    [InlineData("modules: [a\nport: @x", "The '[' in line 1 is not closed before it.")]
    [InlineData("...\n!<x> ", "the text cannot go on like this")]
    [InlineData("port: a: b", "invalid mapping")]
    [InlineData("port: \"a\": b", "mapping values are not allowed in this context")]
    public void A_mistake_in_the_syntax_ends_the_reading(string text, string expected)
    {
        Assert.Contains(expected, Configured.Error(text).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", nameof(ScalarKind.Null))]
    [InlineData("~", nameof(ScalarKind.Null))]
    [InlineData("null", nameof(ScalarKind.Null))]
    [InlineData("nULL", nameof(ScalarKind.Text))]
    [InlineData("true", nameof(ScalarKind.Boolean))]
    [InlineData("FALSE", nameof(ScalarKind.Boolean))]
    [InlineData("yes", nameof(ScalarKind.Text))]
    [InlineData("on", nameof(ScalarKind.Text))]
    [InlineData("010", nameof(ScalarKind.Integer))]
    [InlineData("+1", nameof(ScalarKind.Integer))]
    [InlineData("-1", nameof(ScalarKind.Integer))]
    [InlineData("0o17", nameof(ScalarKind.Integer))]
    [InlineData("0xFf", nameof(ScalarKind.Integer))]
    [InlineData("-0xF", nameof(ScalarKind.Text))]
    [InlineData("1_000", nameof(ScalarKind.Text))]
    [InlineData("1\n", nameof(ScalarKind.Text))]
    [InlineData("٣", nameof(ScalarKind.Text))]
    [InlineData("1.", nameof(ScalarKind.Float))]
    [InlineData(".5", nameof(ScalarKind.Float))]
    [InlineData("1e3", nameof(ScalarKind.Float))]
    [InlineData("-.inf", nameof(ScalarKind.Float))]
    [InlineData(".nan", nameof(ScalarKind.Float))]
    [InlineData("1.2.3", nameof(ScalarKind.Text))]
    [InlineData("12:30", nameof(ScalarKind.Text))]
    public void Plain_text_is_typed_by_the_core_schema(string text, string kind)
    {
        Assert.Equal(kind, CoreSchema.KindOf(text).ToString());
    }

    [Theory]
    [InlineData("010", 10)]
    [InlineData("0o17", 15)]
    [InlineData("0xFf", 255)]
    [InlineData("-7", -7)]
    [InlineData("+7", 7)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Integers_are_read_in_their_base(string text, long value)
    {
        Assert.True(CoreSchema.TryReadInteger(text, out var read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("9223372036854775808")]
    [InlineData("0xFFFFFFFFFFFFFFFF")]
    [InlineData("0o7777777777777777777777777777")]
    public void Integers_too_large_are_not_read(string text)
    {
        Assert.False(CoreSchema.TryReadInteger(text, out _));
    }
}
