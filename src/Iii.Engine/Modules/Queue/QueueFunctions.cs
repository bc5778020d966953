using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>What the functions for operators have in common.</summary>
internal static class QueueFunctions
{
    /// <summary>Runs one over an input that is a JSON object; what the broker refuses becomes an error with the given code.</summary>
    public static async ValueTask<ReadOnlyMemory<byte>> RunAsync(
        EngineCall call, string code, Func<EngineCall, JsonElement, ValueTask<ReadOnlyMemory<byte>>> run)
    {
        using var input = EngineFunctions.ReadObject(call);
        try
        {
            return await run(call, input.RootElement);
        }
        catch (BrokerException e)
        {
            throw new EngineFunctionException(code, e.Message);
        }
        catch (ObjectDisposedException)
        {
            throw new EngineFunctionException(code, "The engine is shutting down.");
        }
    }

    /// <summary>An optional whole number of an input.</summary>
    public static int Number(EngineCall call, JsonElement input, string name, int fallback, int maximum) =>
        !input.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null ? fallback
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0 && number <= maximum ? number
            : throw EngineFunctions.Unreadable(call, $"'{name}' must be a whole number from 0 to {maximum}");
}
