using Xunit;

namespace Iii.Broker.Specs;

/// <summary>Texts that are names nowhere.</summary>
public sealed class InvalidNames : TheoryData<string>
{
    /// <summary>Lists them.</summary>
    public InvalidNames() =>
        AddRange("", "line\nbreak", "nul\0", "del\u007f", new string('n', BrokerLimits.MaxNameBytes + 1), new string('é', (BrokerLimits.MaxNameBytes / 2) + 1));
}
