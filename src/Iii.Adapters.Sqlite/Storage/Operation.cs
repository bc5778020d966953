namespace Iii.Adapters.Sqlite.Storage;

/// <summary>Something to be done in one of the writer's transactions.</summary>
internal abstract class Operation
{
    /// <summary>
    /// True for what has to be done however often it fails, since nobody is there to ask for it again. It is
    /// carried out alone then; only what fails though the disk is in order is told so by <see cref="Fail"/>.
    /// </summary>
    public virtual bool IsOwed => false;

    /// <summary>Why it was refused; null when it was carried out.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>The writer takes it up; false when its caller has given up.</summary>
    public virtual bool TryTake() => true;

    /// <summary>
    /// Does it, on the writer's thread; again when the transaction has failed. A <see cref="Iii.Broker.BrokerException"/> refuses
    /// this one alone, and may only be thrown before anything was changed; any other exception fails the whole transaction.
    /// </summary>
    public abstract void Execute();

    /// <summary>It is on disk.</summary>
    public abstract void Complete();

    /// <summary>It was not done, or is not known to be.</summary>
    public abstract void Fail(Exception exception);
}
