using System.Globalization;
using Iii.Broker;
using Iii.Engine.Configuration;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Hosting;

/// <summary>Brings a starting engine to its broker: finds the adapter, and tries until it is connected or the time is up.</summary>
internal sealed class BrokerConnector(
    IReadOnlyList<IBrokerAdapter> adapters, BrokerOptions options, BrokerEnvironment environment, ILogger<BrokerConnector> logger)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly string _broker = options.Address is { } address ? $"{options.Adapter} at {address}" : options.Adapter;

    /// <summary>Connects.</summary>
    /// <exception cref="EngineStartException">There is no such adapter, it cannot use the options, or the time is up.</exception>
    /// <exception cref="OperationCanceledException">The start was called off.</exception>
    public async Task<BrokerSeams> ConnectAsync(CancellationToken cancellation)
    {
        var adapter = Find();
        var time = environment.Time;
        var patience = TimeSpan.FromMilliseconds(options.ConnectTimeoutMs);
        using var deadline = new CancellationTokenSource(patience, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        var began = time.GetTimestamp();
        var problem = "There was no answer in that time.";
        for (var attempt = 1; ; attempt++)
        {
            var (seams, failure) = await TryAsync(adapter, end.Token);
            if (seams is not null)
            {
                return await KeepAsync(seams, attempt, cancellation);
            }

            problem = failure ?? problem;
            cancellation.ThrowIfCancellationRequested();
            var left = patience - time.GetElapsedTime(began);
            if (left <= RetryInterval)
            {
                throw new EngineStartException(
                    $"The broker, {_broker}, could not be reached within {Text(patience)} ({attempt} {(attempt == 1 ? "attempt" : "attempts")}). "
                    + $"{problem} Start the broker, or correct `{options.Section}` in the configuration; "
                    + "`connect_timeout_ms` there says how long a start waits.",
                    inner: null);
            }

            var pause = Task.Delay(RetryInterval, time, cancellation);
            logger.BrokerUnreachable(_broker, attempt, problem, Text(left));
            await pause;
        }
    }

    /// <summary>The message without the name of the parameter, which says nothing to whoever wrote the configuration.</summary>
    private static string Words(Exception exception) => exception is ArgumentException { ParamName: { } name }
        ? exception.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal)
        : exception.Message;

    private static string Text(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s");

    /// <summary>One attempt: the seams, or why there are none yet, unless the time was up before that was known.</summary>
    private async Task<(BrokerSeams? Seams, string? Failure)> TryAsync(IBrokerAdapter adapter, CancellationToken end)
    {
        try
        {
            return (await adapter.ConnectAsync(options, environment, end), null);
        }
        catch (BrokerException e) when (e.Code == BrokerErrorCodes.BrokerUnavailable)
        {
            return (null, e.Message);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return (null, null);
        }
        catch (Exception e) when (e is BrokerException or ArgumentException)
        {
            throw new EngineStartException($"{options.Section}: {Words(e)}", e);
        }
    }

    private async Task<BrokerSeams> KeepAsync(BrokerSeams seams, int attempt, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            await seams.DisposeAsync();
            cancellation.ThrowIfCancellationRequested();
        }

        if (attempt > 1)
        {
            logger.BrokerReached(_broker, attempt);
        }

        return seams;
    }

    private IBrokerAdapter Find()
    {
        // The host's own come first, so that one of the same name stands in for them.
        var found = adapters.LastOrDefault(adapter => adapter.Name == options.Adapter);
        if (found is null)
        {
            var names = adapters.Select(static adapter => adapter.Name).Distinct().Order(StringComparer.Ordinal).ToArray();
            throw new EngineStartException(
                $"{options.Section}.adapter: there is no adapter {DisplayText.Quote(options.Adapter)}{NearName.Hint(options.Adapter, names)} "
                + $"Adapters: {string.Join(", ", names)}.",
                inner: null);
        }

        return found;
    }
}
