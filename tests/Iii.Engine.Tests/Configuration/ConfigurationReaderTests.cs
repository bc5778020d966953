using CsCheck;
using Iii.Engine.Configuration;

namespace Iii.Engine.Tests.Configuration;

public sealed class ConfigurationReaderTests
{
    [Theory]
    [InlineData("port: 5", 5)]
    [InlineData("port: 0", 49134)]
    [InlineData("port: \"5\"", 5)]
    [InlineData("modules: []", 49134)]
    [InlineData("workers: [{name: worker-manager, config: {port: 6}}]", 6)]
    [InlineData("workers: [{name: worker-manager, config: {port: 0}}]", 49134)]
    [InlineData("port: 6\nworkers: [{name: worker-manager, config: {port: 6}}]", 6)]
    [InlineData("port: 0\nworkers: [{name: worker-manager, config: {port: 6}}]", 6)]
    [InlineData("port: 6\nworkers: [{name: worker-manager, config: {port: 0}}]", 6)]
    [InlineData("port: 6\nworkers: [{name: worker-manager}]", 6)]
    public void The_port_for_workers_may_be_given_in_two_places(string text, int port)
    {
        Assert.Equal(port, Configured.Valid(text).Gateway.Port);
    }

    [Fact]
    public void Two_different_ports_for_workers_are_an_error()
    {
        Assert.Equal(
            ["1:7 port: 5 here, but workers[0].config.port is 6 (line 2); both are the port for workers, so remove one of the two"],
            Configured.Errors("port: 5\nworkers: [{name: worker-manager, config: {port: 6}}]"));
    }

    [Theory]
    [InlineData("port: 65536", "1:7 port: 65536 is out of range; write a number from 0 to 65535")]
    [InlineData("port: -1", "1:7 port: -1 is out of range; write a number from 0 to 65535")]
    [InlineData("port: x", "1:7 port: expected a whole number, got the text 'x'")]
    [InlineData("port:", "1:6 port: expected a whole number, got no value")]
    [InlineData("port: [1]", "1:7 port: expected a whole number, got a list")]
    [InlineData("prot: 1", "1:1 unknown key 'prot'; did you mean 'port'? Known keys: port, broker, cluster, modules, workers.")]
    [InlineData("module: []", "1:1 unknown key 'module'; did you mean 'modules'? Known keys: port, broker, cluster, modules, workers.")]
    [InlineData("logging: {}", "1:1 unknown key 'logging'. Known keys: port, broker, cluster, modules, workers.")]
    [InlineData("[a]", "1:1 expected a mapping with the keys port, broker, cluster, modules, workers, got a list")]
    [InlineData("text", "1:1 expected a mapping with the keys port, broker, cluster, modules, workers, got the text 'text'")]
    [InlineData("---\n", "2:1 expected a mapping with the keys port, broker, cluster, modules, workers, got no value")]
    public void What_is_wrong_at_the_top_is_reported_at_its_place(string text, string expected)
    {
        Assert.Equal([expected], Configured.Errors(text));
    }

    [Fact]
    public void An_error_shows_the_place_in_the_file()
    {
        var error = Configured.Error("modules: []\n\tprot: ${P:1}\n".Replace("\tprot", "prot", StringComparison.Ordinal));

        Assert.Equal(
            "config.yaml:2:1: unknown key 'prot'; did you mean 'port'? Known keys: port, broker, cluster, modules, workers.\n"
            + "    2 | prot: ${P:1}\n"
            + "      | ^",
            error.Render());
        Assert.Equal("config.yaml:2:1: unknown key 'prot'; did you mean 'port'? Known keys: port, broker, cluster, modules, workers.", error.ToString());
    }

    [Fact]
    public void A_long_line_is_shown_around_the_place()
    {
        var lines = Configured.Error($"workers: [{new string(' ', 300)}{{name: iii-http, prot: 1}}{new string(' ', 300)}]").Render().Split('\n');

        Assert.InRange(lines[1].Length, 50, 120);
        Assert.Equal("prot", lines[1].Substring(lines[2].IndexOf('^', StringComparison.Ordinal), 4));
    }

    [Fact]
    public void Errors_beyond_a_hundred_are_counted()
    {
        var errors = Configured.Load(string.Concat(Enumerable.Range(0, 150).Select(i => $"key{i}: 1\n"))).Errors;

        Assert.Equal(101, errors.Count);
        Assert.Equal("config.yaml: and 50 more errors", errors[^1].ToString());
    }

    [Fact]
    public void Any_text_gives_a_configuration_or_errors()
    {
        var anything = Gen.String;
        var piece = Gen.OneOf(
            "port", "modules", "workers", "broker", "cluster", "class", "name", "config", "adapter", "modules::api::RestApiModule", "iii-queue", "redis", "cors",
            "allowed_origins", ": ", ":", "\n", "\n  ", "\n    ", "\n- ", "- ", "? ", "[", "]", "{", "}", ", ", "\"", "'", "\\", "#", " #", "|", ">",
            "|-\n", ">2\n", "&a", "&a ", "*a", "*a ", "!", "!!str ", "!!int ", "!<x> ", "%YAML 1.2\n", "%TAG ! x:\n", "---\n", "...\n", "${", "${A}",
            "${A:}", "${B:1}", "${C}", "${:}", "<<: ", "~", "1", "0x1", "1.5", "true", "\t", "\r", "\r\n", "\0", "\u0085", "\u2028", "\uFEFF", "\uF800",
            "\ud83d\ude00", "\ud83d", "\\uD800", "\\x", "@", "`", "%");
        var yamlish = piece.Array[0, 40].Select(string.Concat);

        Gen.OneOf<string>(anything, yamlish, yamlish).Sample(
            text =>
            {
                var result = Configured.Load(text, ("A", "x: [\"y\n- ${A}"), ("C", "'\\\uF803#"));
                return result.IsValid == (result.Errors.Count == 0)
                    && result.Errors.Concat(result.Warnings).All(error => error.Render().Length > 0 && IsIn(text, error));
            },
            iter: 20_000,
            threads: 1);
    }

    [Fact]
    public void Positions_do_not_depend_on_the_length_of_a_value()
    {
        var texts = Gen.String[Gen.Char['a', 'z'], 1, 40];

        Gen.Select(texts, texts, texts).Sample((name, first, second) =>
        {
            var text = $"modules:\n  - {{ class: ${{{name}}}, config: {{ host: '${{H:{first}}}', request_id_header: ${{R:{second}}}, port: x }} }}\n";

            var error = Assert.Single(ConfigurationLoader.LoadText("f", text, asked => asked == name ? "iii-http" : null).Errors);

            return error.Line == 2 && error.Column == text.Split('\n')[1].IndexOf("port: x", StringComparison.Ordinal) + 7;
        });
    }

    private static bool IsIn(string text, ConfigurationError error) =>
        (error is { Line: 0, Column: 0 }) || (error.Line >= 1 && error.Line <= text.Count(c => c is '\n' or '\r') + 1 && error.Column >= 1 && error.Column <= text.Length + 1);
}
