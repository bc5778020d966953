using Iii.Engine.Configuration;

namespace Iii.Engine.Modules.Http;

/// <summary>A function that every routed request passes before anything else is done for it.</summary>
public sealed record HttpMiddlewareOptions : IValidatableOptions
{
    /// <summary>The only <see cref="Phase"/>, and its default.</summary>
    public const string PreHandler = "preHandler";

    /// <summary>Id of the function. Must be written.</summary>
    public string FunctionId { get; init; } = string.Empty;

    /// <summary>When it runs. Default, and the only one, is <c>preHandler</c>.</summary>
    public string Phase { get; init; } = PreHandler;

    /// <summary>Its place among the others: the lower goes first. Default 0.</summary>
    public int Priority { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Unless(
            !string.IsNullOrWhiteSpace(FunctionId), "function_id", "it is missing or empty; write the id of the function to call"),
        .. OptionError.Unless(
            Phase == PreHandler, "phase", $"{DisplayText.Quote(Phase)} is not known; write '{PreHandler}', or remove the key"),
    ];
}
