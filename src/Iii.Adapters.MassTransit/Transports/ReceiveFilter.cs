using System.Text.Json;
using Iii.Adapters.MassTransit.Jobs;
using MassTransit;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>
/// The end of an endpoint's pipe: takes messages before MassTransit deserializes them, so their bytes stay what they are.
/// </summary>
/// <param name="take">Deals with a job. When it throws, the transport keeps the message.</param>
/// <param name="takeUnreadable">Likewise with what is none: id, body and why.</param>
internal sealed class ReceiveFilter(
    Func<Job, ReceiveContext, Task> take, Func<string, ReadOnlyMemory<byte>, Exception, Task> takeUnreadable) : IFilter<ReceiveContext>
{
    /// <summary>Makes an endpoint one of jobs.</summary>
    public void AddTo(IReceiveEndpointConfigurator endpoint)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;

        // To MassTransit a message that reaches no consumer is skipped; then it is acknowledged.
        endpoint.DiscardSkippedMessages();
        endpoint.RethrowFaultedMessages();
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(this));
    }

    public Task Send(ReceiveContext context, IPipe<ReceiveContext> next)
    {
        Job job;
        try
        {
            job = JobHeaders.Read(context);
        }
        catch (Exception exception) when (exception is FormatException or JsonException or ArgumentException or OverflowException)
        {
            return takeUnreadable(context.GetMessageId()?.ToString("N") ?? "", context.Body.GetBytes(), exception);
        }

        return take(job, context);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("iii");
}
