namespace Iii.Sdk.Connection;

/// <summary>What the worker has registered, as the messages that say so, in the order they are replayed.</summary>
/// <remarks>Only to be touched under the connection's lock.</remarks>
internal sealed class Registrations
{
    private readonly OrderedDictionary<string, byte[]> _triggerTypes = [];
    private readonly OrderedDictionary<string, byte[]> _functions = [];
    private readonly OrderedDictionary<string, byte[]> _triggers = [];

    public OrderedDictionary<string, byte[]> Of(RegistrationKind kind) => kind switch
    {
        RegistrationKind.TriggerType => _triggerTypes,
        RegistrationKind.Function => _functions,
        _ => _triggers,
    };

    /// <summary>Trigger types, then functions, then triggers: each is there before what needs it.</summary>
    public IEnumerable<byte[]> Replay() => _triggerTypes.Values.Concat(_functions.Values).Concat(_triggers.Values);
}
