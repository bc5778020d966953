namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>An engine with small limits and times, and rules for origins.</summary>
public sealed class StrictEngine() : EngineFixture(
    "{ max_message_bytes: 1048576, outbound_queue_bytes: 262144 }",
    "default_timeout: 1500, trust_proxy: true, "
    + "cors: { allowed_origins: ['https://a.example', 'https://b.example'], allowed_methods: [GET, post] }");
