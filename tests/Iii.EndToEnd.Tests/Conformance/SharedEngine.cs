using Iii.EndToEnd.Tests.Conformance;

[assembly: AssemblyFixture(typeof(SharedEngine))]

namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>The engine of most conformance tests: one process for all of them, with the default limits.</summary>
/// <remarks>
/// A function that has answered nothing has long to open its response channel, so that no test depends on which comes first.
/// </remarks>
public sealed class SharedEngine() : EngineFixture("{}", "response_grace_ms: 20000", HttpFunctions, (SecretVariable, Secret))
{
    /// <summary>The environment variable that holds <see cref="Secret"/>.</summary>
    public const string SecretVariable = "III_TEST_SECRET";

    public const string Secret = "s3cr3t";

    private const string HttpFunctions =
        """
          - class: modules::http_functions::HttpFunctionsModule
            config: { security: { block_private_ips: false, require_https: false } }

        """;
}
