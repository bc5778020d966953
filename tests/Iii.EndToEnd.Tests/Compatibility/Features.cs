namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>The rows of the matrix in their order: the expected table.</summary>
internal static class Features
{
    public const string ListTriggerTypes = "`listTriggerTypes`";
    public const string HttpInvoked = "Function that is an HTTP request";
    public const string StreamedResponse = "HTTP response in pieces, as they are written";
    public const string Upload = "HTTP upload of 10 MB, byte for byte";
    public const string Channels = "Channels, both directions";

    public static readonly Feature[] All =
    [
        new("Register a function; take it back", Checks.RegistersAsync),
        new("Introduce itself as a worker, once", Checks.IsListedAsync),
        new("Call functions of every version", Checks.CallsAllAsync),
        new("Be called by every version", Checks.IsCalledByAllAsync),
        new("Call without an answer, to every version", Checks.SendsToAllAsync),
        new("Error of an unknown function", Checks.SeesUnknownFunctionAsync),
        new("Error that a function of any version threw", Checks.SeesThrownErrorsAsync),
        new("HTTP route", Checks.ServesRouteAsync),
        new("Trigger type of its own, fired to every version", Checks.FiresOwnTypeAsync),
        new("Trigger type taken back and offered again", Checks.TakesTypeBackAsync),
        new("Trigger type of its own is told of triggers that go", Checks.IsToldOfUnregisteredTriggersAsync) { Since = "0.22.1" },
        new("`onFunctionsAvailable`", Checks.SeesAvailableFunctionsAsync) { Until = "0.11.2", Method = "onFunctionsAvailable" },
        new("`listFunctions`", Checks.ListsFunctionsAsync) { Until = "0.11.2", Method = "listFunctions" },
        new("`listWorkers`", Checks.ListsWorkersAsync) { Until = "0.11.2", Method = "listWorkers" },
        new("`listTriggers`", Checks.ListsTriggersAsync) { Since = "0.9.0", Until = "0.11.2", Method = "listTriggers" },
        new(ListTriggerTypes, Checks.ListsTriggerTypesAsync) { Since = "0.11.2", Until = "0.11.2", Method = "listTriggerTypes" },
        new("List functions, workers and triggers by calls", Checks.ListsByCallsAsync),
        new(HttpInvoked, Checks.CallsByHttpAsync) { Since = "0.9.0" },
        new(StreamedResponse, Checks.StreamsResponseAsync) { Since = "0.9.0" },
        new(Upload, Checks.TakesUploadAsync) { Since = "0.9.0" },
        new(Channels, Checks.UsesChannelsAsync) { Since = "0.9.0" },
        new("Come back after the engine was killed (SIGKILL)", static (fleet, sdk) => Checks.ComesBackAsync(fleet, sdk, killed: true)),
        new("Come back after the engine was stopped (SIGTERM)", static (fleet, sdk) => Checks.ComesBackAsync(fleet, sdk, killed: false)),
    ];
}
