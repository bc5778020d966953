using Iii.Engine.Triggers;

namespace Iii.Engine.Modules.Queue;

/// <summary>A trigger of a topic, and the jobs that its function works on here.</summary>
internal sealed class Subscriber(Trigger trigger, SubscriberConfig config)
{
    private int _running;

    public Trigger Trigger => trigger;

    public SubscriberConfig Config => config;

    /// <summary>Takes a place for a job, if one is free.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _running) <= config.Concurrency)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>Takes a place for a job, whether one is free or not.</summary>
    public void Enter() => Interlocked.Increment(ref _running);

    /// <summary>Gives the place back.</summary>
    public void Exit() => Interlocked.Decrement(ref _running);
}
