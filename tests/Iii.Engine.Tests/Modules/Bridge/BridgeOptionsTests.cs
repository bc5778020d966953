using Iii.Engine.Tests.Configuration;

namespace Iii.Engine.Tests.Modules.Bridge;

public class BridgeOptionsTests
{
    private const string Class = "modules::bridge_client::BridgeClientModule";

    [Fact]
    public void Everything_has_a_default()
    {
        var bridge = Assert.Single(Configured.Valid($"modules: [{{class: {Class}}}]").Bridges);
        Assert.Null(bridge.Url);
        Assert.Null(bridge.ServiceId);
        Assert.Empty(bridge.Expose);
        Assert.Empty(bridge.Forward);
        Assert.Equal("ws://0.0.0.0:49134", bridge.Target);
    }

    [Fact]
    public void Several_bridges_with_all_keys_are_read()
    {
        var bridges = Configured.Valid(
            $$"""
            modules:
              - class: {{Class}}
                config:
                  url: wss://a.example.org
                  service_id: s
                  service_name: Shop
                  expose: [{local_function: a}, {local_function: b, remote_function: c}]
                  forward: [{local_function: d, remote_function: e}, {local_function: f, remote_function: g, timeout_ms: 5}]
              - class: {{Class}}
            """).Bridges;
        Assert.Equal(2, bridges.Count);
        Assert.Equal(("wss://a.example.org", "s", "Shop"), (bridges[0].Target, bridges[0].ServiceId, bridges[0].ServiceName));
        Assert.Equal([("a", null), ("b", "c")], bridges[0].Expose.Select(static expose => (expose.LocalFunction, expose.RemoteFunction)));
        Assert.Equal(
            [("d", "e", 30_000), ("f", "g", 5)],
            bridges[0].Forward.Select(static forward => (forward.LocalFunction, forward.RemoteFunction, forward.TimeoutMs)));
    }

    [Theory]
    [InlineData("{url: http://a}", "url")]
    [InlineData("{url: nonsense}", "url")]
    [InlineData("{expose: [{}]}", "expose[0].local_function")]
    [InlineData("{forward: [{local_function: a, remote_function: b}, {local_function: a}]}", "forward[1].remote_function")]
    [InlineData("{forward: [{local_function: 'engine::workers::list', remote_function: b}]}", "forward[0].local_function")]
    [InlineData("{forward: [{local_function: a, remote_function: b, timeout_ms: 0}]}", "forward[0].timeout_ms")]
    public void Mistakes_are_reported_with_their_place(string config, string path) =>
        Assert.Contains(path, Configured.Error($"modules: [{{class: {Class}, config: {config}}}]").Message, StringComparison.Ordinal);
}
