using System.Collections.Concurrent;
using Iii.Broker;
using Iii.Engine.Discovery;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// What this instance may consume, and who looks after it. It follows the triggers, the functions of this instance's workers, and what
/// other instances have of limits for all.
/// </summary>
internal sealed class ConsumerTable : IDisposable
{
    private readonly IQueueBroker _broker;
    private readonly FunctionDirectory _functions;
    private readonly PlaceDirectory _places;
    private readonly JobRunner _runner;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Topic, string Group), (TopicGroup Source, ConsumerRunner Runner)> _groups = [];
    private readonly Dictionary<string, List<ConsumerRunner>> _byFunction = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ConsumerRunner> _bySource = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<ConsumerRunner, byte> _runners = [];
    private readonly ConsumerRunner[] _named;
    private bool _isStopping;

    public ConsumerTable(
        IQueueBroker broker,
        QueueOptions options,
        FunctionDirectory functions,
        PlaceDirectory places,
        JobRunner runner,
        TimeProvider time,
        ILogger logger)
    {
        (_broker, _functions, _places, _runner, _time, _logger) = (broker, functions, places, runner, time, logger);
        lock (_lock)
        {
            _named =
            [
                .. options.AllQueues.Select(name => Start(new NamedQueue(name, options.Find(name)!, functions, runner))),
            ];
        }

        places.Changed += OnPlacesChanged;
        functions.Registered += OnRegistered;
        functions.Unregistered += OnUnregistered;
    }

    /// <summary>A trigger subscribes its function to a topic. Does not wait for anything.</summary>
    public void Add(string topic, string group, Subscriber subscriber)
    {
        lock (_lock)
        {
            if (_isStopping)
            {
                return;
            }

            if (_groups.TryGetValue((topic, group), out var entry))
            {
                entry.Source.Add(subscriber);
                entry.Runner.Poke();
            }
            else
            {
                var source = new TopicGroup(topic, group, _functions, _runner, _time);
                source.Add(subscriber);
                entry = (source, Start(source));
                _groups.Add((topic, group), entry);
            }

            // One entry for each subscriber, so that the last of several takes the runner away.
            if (!_byFunction.TryGetValue(subscriber.Trigger.FunctionId, out var runners))
            {
                _byFunction.Add(subscriber.Trigger.FunctionId, runners = []);
            }

            runners.Add(entry.Runner);
        }
    }

    /// <summary>A trigger is gone. What its function works on may finish; the messages stay for the next subscriber.</summary>
    public void Remove(string topic, string group, Subscriber subscriber)
    {
        lock (_lock)
        {
            // What stops is stopped as a whole, and has taken up nothing since it began to.
            if (_isStopping || !_groups.TryGetValue((topic, group), out var entry))
            {
                return;
            }

            var functionId = subscriber.Trigger.FunctionId;
            var runners = _byFunction[functionId];
            runners.Remove(entry.Runner);
            if (runners.Count == 0)
            {
                _byFunction.Remove(functionId);
            }

            entry.Source.Remove(subscriber);
            if (entry.Source.Subscribers.IsEmpty)
            {
                _groups.Remove((topic, group));
                _ = RetireAsync(entry.Source, entry.Runner);
            }
            else
            {
                entry.Runner.Poke();
            }
        }
    }

    /// <summary>A group of a topic that is another one than this; null when there is none.</summary>
    public string? FindOtherGroup(string topic, string group)
    {
        lock (_lock)
        {
            return _groups.Keys.FirstOrDefault(key => key.Topic == topic && key.Group != group).Group;
        }
    }

    /// <summary>The groups in which functions subscribe to a topic, on whichever instance.</summary>
    public string[] GroupsOf(string topic)
    {
        lock (_lock)
        {
            return [.. _groups.Keys.Where(key => key.Topic == topic).Select(static key => key.Group)];
        }
    }

    /// <summary>Topics that have a subscriber, on whichever instance.</summary>
    public string[] Topics()
    {
        lock (_lock)
        {
            return [.. _groups.Keys.Select(static key => key.Topic).Distinct(StringComparer.Ordinal)];
        }
    }

    /// <summary>Takes no more jobs; done when those that run have ended, and their verdicts are carried out.</summary>
    public async Task StopAsync()
    {
        lock (_lock)
        {
            _isStopping = true;
        }

        Dispose();
        await Task.WhenAll(_runners.Keys.Select(static runner => runner.DisposeAsync().AsTask()));
    }

    public void Dispose()
    {
        _places.Changed -= OnPlacesChanged;
        _functions.Registered -= OnRegistered;
        _functions.Unregistered -= OnUnregistered;
    }

    /// <summary>Has a source looked after. Under the lock.</summary>
    private ConsumerRunner Start(JobSource source)
    {
        var runner = new ConsumerRunner(_broker, source, _places, _time, _logger);
        _runners[runner] = 0;
        _bySource[source.Id] = runner;
        return runner;
    }

    /// <summary>Ends a runner. Under the lock, until it waits.</summary>
    private async Task RetireAsync(JobSource source, ConsumerRunner runner)
    {
        _bySource.Remove(source.Id);
        await runner.DisposeAsync();
        _runners.TryRemove(runner, out _);
    }

    private void OnRegistered(FunctionRegistration registration)
    {
        if (registration.Provider.Instance is null)
        {
            OnChanged(registration.FunctionId);
        }
    }

    private void OnPlacesChanged(string limitId)
    {
        lock (_lock)
        {
            _bySource.GetValueOrDefault(limitId)?.Poke();
        }
    }

    private void OnUnregistered(string functionId, object owner) => OnChanged(functionId);

    private void OnChanged(string functionId)
    {
        foreach (var runner in _named)
        {
            runner.Poke();
        }

        lock (_lock)
        {
            foreach (var runner in _byFunction.GetValueOrDefault(functionId) ?? [])
            {
                runner.Poke();
            }
        }
    }
}
