namespace Iii.Engine.Tests.Configuration;

public sealed class VariableExpansionTests
{
    [Theory]
    [InlineData(" { port: ${P:3111} }", 3111)]
    [InlineData(" {port: ${P:3111}}", 3111)]
    [InlineData("\n      port: ${P:3111}", 3111)]
    [InlineData("\n      port: \"${P:3111}\"", 3111)]
    [InlineData("\n      port: 3${P:1}11", 3111)]
    [InlineData("\n      port: ${A:3}${B:1}${A:1}${B:1} # ${C}", 3111)]
    [InlineData(" { ${KEY:port}: 12 }", 12)]
    public void A_default_is_typed_by_yaml(string config, int port)
    {
        Assert.Equal(port, Configured.Valid(Configured.Http(config)).Http!.Port);
    }

    [Fact]
    public void A_variable_wins_over_its_default()
    {
        Assert.Equal(12, Configured.Valid(Configured.Http(" { port: ${P:3111} }"), ("P", "12")).Http!.Port);
    }

    [Fact]
    public void A_variable_set_to_nothing_is_set()
    {
        Assert.Null(Configured.Valid(Configured.Http(" { request_id_header: ${H:x-id} }"), ("H", "")).Http!.RequestIdHeader);
    }

    [Fact]
    public void A_default_may_be_empty()
    {
        Assert.Null(Configured.Valid(Configured.Http(" { request_id_header: ${H:} }")).Http!.RequestIdHeader);
    }

    [Fact]
    public void A_default_may_have_colons()
    {
        Assert.Equal("a::b:c", Configured.Valid(Configured.Http(" { not_found_function: ${F:a::b:c} }")).Http!.NotFoundFunction);
    }

    [Fact]
    public void A_default_is_not_read_like_a_shell_does()
    {
        Assert.Equal("-x", Configured.Valid(Configured.Http(" { not_found_function: ${F:-x} }")).Http!.NotFoundFunction);
    }

    [Fact]
    public void Plain_text_may_become_a_list()
    {
        var cors = Configured.Valid(
            Configured.Http("\n      cors: { allowed_origins: ${O}, allowed_methods: [${M}] }"), ("O", "[https://a, https://b]"), ("M", "GET, PUT"))
            .Http!.Cors!;

        Assert.Equal(["https://a", "https://b"], cors.AllowedOrigins);
        Assert.Equal(["GET", "PUT"], cors.AllowedMethods);
    }

    [Theory]
    [InlineData("port: 1 # ${MISSING}")]
    [InlineData("# ${MISSING}\nport: 1")]
    [InlineData("port: 1\n# ${MISSING}")]
    [InlineData("port: 1 # it's \"${MISSING} ${")]
    [InlineData("modules: [ # ${MISSING}\n  ]\nport: 1")]
    [InlineData("port: 1\nmodules:\n  - class: modules::telemetry::TelemetryModule\n    config:\n      x: | # ${MISSING}\n        text\n      # ${MISSING}\n")]
    [InlineData("port: 1\nmodules:\n  - class: modules::telemetry::TelemetryModule\n    config: { x: it's # ${MISSING}\n }")]
    public void A_comment_is_left_alone(string text)
    {
        Assert.Equal(1, Configured.Valid(text).Gateway.Port);
    }

    [Theory]
    [InlineData("\"a # ${X}\"", "a # v")]
    [InlineData("'a # ${X}'", "a # v")]
    [InlineData("'it''s # ${X}'", "it's # v")]
    [InlineData("\"\\\" # ${X}\"", "\" # v")]
    [InlineData("a#${X}", "a#v")]
    [InlineData("it's#${X} # ${MISSING}", "it's#v")]
    [InlineData("|\n        # ${X}\n", "# v\n")]
    [InlineData(">-\n        # ${X}\n        b", "# v b")]
    public void A_number_sign_is_no_comment_in_text(string value, string expected)
    {
        Assert.Equal(expected, Configured.Valid(Configured.Http($"\n      not_found_function: {value}"), ("X", "v")).Http!.NotFoundFunction);
    }

    [Theory]
    [InlineData("pa\"ss")]
    [InlineData("pa'ss")]
    [InlineData("p\\a\\nss\\")]
    [InlineData("a: b # c")]
    [InlineData("line\nline\r\n  line\t")]
    [InlineData("{[&*!|>%@`")]
    [InlineData("${OTHER}")]
    [InlineData("\uF800\uF802\uF802\uF802")]
    [InlineData(" \u0001 ")]
    public void A_value_survives_in_quotes(string value)
    {
        foreach (var quote in new[] { "\"", "'" })
        {
            var text = Configured.Http($"\n      not_found_function: {quote}<${{X}}>{quote}");

            Assert.Equal($"<{value}>", Configured.Valid(text, ("X", value)).Http!.NotFoundFunction);
        }
    }

    [Fact]
    public void A_value_of_many_lines_survives_in_a_block_text()
    {
        var text = Configured.Http("\n      not_found_function: |-\n        ${X}\n        ${X}");

        Assert.Equal("a\nb\na\nb", Configured.Valid(text, ("X", "a\nb")).Http!.NotFoundFunction);
    }

    [Fact]
    public void A_value_is_not_expanded_again()
    {
        Assert.Equal("${Y}", Configured.Valid(Configured.Http(" { not_found_function: \"${X}\" }"), ("X", "${Y}")).Http!.NotFoundFunction);
    }

    [Fact]
    public void All_missing_variables_are_reported_with_the_other_errors()
    {
        var text = "port: ${PORT}\nmodules:\n  - class: modules::api::RestApiModule\n    config: { host: \"${HOST}\", port: x, prot: 1 }\n";

        Assert.Collection(
            Configured.Errors(text),
            error => Assert.StartsWith("1:7 environment variable 'PORT' is not set", error, StringComparison.Ordinal),
            error => Assert.StartsWith("4:22 environment variable 'HOST' is not set", error, StringComparison.Ordinal),
            error => Assert.StartsWith("4:38 modules[0].config.port: expected a whole number, got the text 'x'", error, StringComparison.Ordinal),
            error => Assert.StartsWith("4:41 modules[0].config: unknown key 'prot'; did you mean 'port'?", error, StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_variable_is_the_only_error_of_its_value()
    {
        var places = new[]
        {
            "port: ${X}", "${X}: 1", "modules: ${X}", "modules: [${X}]", "modules: [{class: ${X}}]", "modules: [{class: ${X}, config: {}}]",
            "modules: [{${X}: modules::api::RestApiModule}]", "workers: [{name: iii-http, config: ${X}}]", "${X}", "\"a ${X}\"",
            "workers: [{name: iii-http, config: {error_format: ${X}}}]", "workers: [{name: iii-http, config: {cors: {allowed_origins: ${X}}}}]",
            "workers: [{name: iii-http, config: {cors: {allowed_origins: [\"${X}\"]}}}]", "workers: [{name: iii-http, config: {trust_proxy: ${X}}}]",
            "workers: [{name: iii-http, config: {cors: ${X}}}]",
        };

        Assert.All(places, text => Assert.Contains("'X' is not set", Configured.Error(text).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Positions_are_those_of_the_file_as_written()
    {
        var text = "port: ${A_LONG_NAME_FOR_A_SHORT_VALUE:1}\n"
            + "modules: [{ class: ${C}, config: { host: \"${H}\", port: ${P:70000}, \"prot\": 1 } }]\n";

        var errors = Configured.Errors(text, ("C", "modules::api::RestApiModule"), ("H", "line\nline"));

        Assert.Collection(
            errors,
            error => Assert.StartsWith("2:42 modules[0].config.host: 'line\\nline' is not an address", error, StringComparison.Ordinal),
            error => Assert.StartsWith("2:56 modules[0].config.port: 70000 is out of range", error, StringComparison.Ordinal),
            error => Assert.StartsWith("2:68 modules[0].config: unknown key 'prot'", error, StringComparison.Ordinal));
    }

    [Fact]
    public void Syntax_errors_after_an_expansion_have_the_position_in_the_file()
    {
        var error = Configured.Error("modules: [ ${LONG:modules::api::RestApiModule}, ${S:x} ]\nport: \"open\n", ("S", "a long text in place of a short one"));

        Assert.Equal(2, error.Line);
        Assert.Equal(2, Configured.Error("port: ${X:1}\nmodules: @x", ("X", "1\n\n\n")).Line);
    }

    [Fact]
    public void A_value_in_plain_text_that_breaks_the_file_is_an_error_at_the_variable()
    {
        var error = Configured.Error("port: 1\nmodules: [${X}]", ("X", "{a"));

        Assert.Equal(2, error.Line);
        Assert.Contains("this is not YAML", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_in_plain_text_cannot_have_control_characters()
    {
        Assert.Contains("put the reference in double quotes", Configured.Error("port: ${X}", ("X", "1\0")).Message, StringComparison.Ordinal);
        Assert.Contains("put the reference in double quotes", Configured.Error("port: ${X}", ("X", "\uF810")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("port: ${P", "1:7 '${' is not closed on its line")]
    [InlineData("port: ${P\n  }", "1:7 '${' is not closed on its line")]
    [InlineData("port: \"${}\"", "1:8 '${}' names no variable")]
    [InlineData("port: ${:5}", "1:7 '${:5}' names no variable")]
    [InlineData("port: ${A:${B}}", "1:7 a variable cannot stand inside the default of another")]
    public void A_reference_that_is_none_is_an_error(string text, string expected)
    {
        Assert.Contains(Configured.Errors(text), error => error.StartsWith(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void The_number_of_references_and_the_length_of_their_values_are_bounded()
    {
        var many = "port: 1 #" + string.Concat(Enumerable.Repeat("${A}", 10_001));
        Assert.Contains("more than 10000 variables", Configured.Error(many).Message, StringComparison.Ordinal);
        foreach (var text in new[] { "port: ${X}${X}", "port: \"${X}${X}\"" })
        {
            Assert.Contains("more than 4194304 characters", Configured.Error(text, ("X", new string('1', 3_000_000))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Many_references_keep_their_identity()
    {
        var origins = Enumerable.Range(0, 5_000).ToList();
        var text = Configured.Http("\n      cors:\n        allowed_origins: [" + string.Join(",", origins.Select(i => i % 2 == 0 ? $"\"${{V{i}:d{i}}}\"" : $"${{V{i}:d{i}}}")) + "]");

        Assert.Equal(origins.Select(i => $"d{i}"), Configured.Valid(text).Http!.Cors!.AllowedOrigins);
    }

    [Theory]
    [InlineData("port: \"\uF810\"")]
    [InlineData("port: \"\\uF810\"")]
    [InlineData("port: \"\\U0000f810\"")]
    public void Characters_kept_for_markers_are_an_error(string text)
    {
        Assert.Contains("not allowed", Configured.Error(text).Message, StringComparison.Ordinal);
    }
}
