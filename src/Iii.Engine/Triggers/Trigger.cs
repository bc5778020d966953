namespace Iii.Engine.Triggers;

/// <summary>
/// A logical trigger: function, type and config. SDKs draw a random id for every registration, so replicas of one worker
/// register the same trigger under several ids; all of them are owners of this one, and it goes with the last.
/// </summary>
internal sealed class Trigger
{
    private readonly Dictionary<TriggerRegistrationKey, ITriggerRegistrant> _owners = [];

    public Trigger(string id, string type, string functionId, byte[] config, byte[]? metadata, string key)
    {
        Id = id;
        Type = type;
        FunctionId = functionId;
        Config = config;
        Metadata = metadata;
        Key = key;
    }

    /// <summary>What providers of the type know it by: the id of the first registration, which stays when that one leaves.</summary>
    public string Id { get; }

    public string Type { get; }

    public string FunctionId { get; }

    /// <summary>The config of the first registration, JSON as it came.</summary>
    public byte[] Config { get; }

    /// <summary>The metadata of the first registration, JSON as it came; null when there was none.</summary>
    public byte[]? Metadata { get; }

    /// <summary>What makes two registrations the same trigger.</summary>
    public string Key { get; }

    /// <summary>Whether its type serves it; false while it waits for a worker to provide the type.</summary>
    public bool IsActive { get; set; }

    /// <summary>Who registered it, by registration. Only to be touched under the directory's lock.</summary>
    public IReadOnlyDictionary<TriggerRegistrationKey, ITriggerRegistrant> Owners => _owners;

    public void SetOwner(TriggerRegistrationKey registration, ITriggerRegistrant owner) => _owners[registration] = owner;

    public bool RemoveOwner(TriggerRegistrationKey registration) => _owners.Remove(registration);
}
