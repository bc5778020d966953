using System.Threading.Channels;
using Iii.Protocol;
using Iii.Sdk.Connection;
using Iii.Sdk.Wire;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Triggers;

/// <summary>A trigger type of this worker, with the loop that calls its handlers one after another.</summary>
internal sealed class TriggerType(
    string id, TriggerTypeHandler onRegister, TriggerTypeHandler onUnregister, EngineConnection connection, ILogger logger)
{
    private readonly Channel<(TriggerRequest Trigger, bool IsWanted)> _changes =
        Channel.CreateUnbounded<(TriggerRequest, bool)>(new UnboundedChannelOptions { SingleReader = true });

    public string Id => id;

    /// <summary>Starts the loop. It ends with <see cref="Stop"/>, and nothing that it runs can make it fail.</summary>
    public void Start() => _ = Task.Run(RunAsync);

    public void Change(TriggerRequest trigger, bool isWanted) => _changes.Writer.TryWrite((trigger, isWanted));

    /// <summary>Ends the loop, once it has worked off what waits.</summary>
    public void Stop() => _changes.Writer.TryComplete();

    private async Task RunAsync()
    {
        await foreach (var (trigger, isWanted) in _changes.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Exception? failure = null;
            try
            {
                await (isWanted ? onRegister : onUnregister)(trigger, connection.Ending).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                failure = e;
                logger.TriggerCallbackFailed(id, trigger.Id, e);
            }

            if (isWanted)
            {
                using var message = MessageWriter.Rent();
                Messages.TriggerResult(
                    message, trigger.Id, id, trigger.FunctionId,
                    failure is null ? null : (failure as IiiFunctionException)?.Code ?? ErrorCodes.TriggerRegistrationFailed,
                    failure?.Message);
                connection.Send(message.Span);
            }
        }
    }
}
