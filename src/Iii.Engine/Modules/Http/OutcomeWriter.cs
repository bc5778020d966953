using System.IO.Pipelines;
using Iii.Engine.Configuration;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

/// <summary>Turns what became of a request into its response, and logs what failed. This is the one table of errors and statuses.</summary>
internal sealed class OutcomeWriter(ResponseWriter responses, HttpErrors errors, ILogger logger)
{
    /// <summary>How much of a function's error message is logged, in characters.</summary>
    private const int LoggedMessageLength = 1000;

    private const string ResponseLost = "The function's response channel broke off before the response began";

    /// <summary>Sends the response to an outcome that is not streamed, whose result must live until it is sent.</summary>
    public ValueTask<FlushResult> SendAsync(HttpContext context, HttpRoute route, in RequestOutcome outcome)
    {
        switch (outcome.End)
        {
            case RequestEnd.Called when !outcome.Result.IsError:
                return responses.SendResultAsync(context, outcome.Result.Value);
            case RequestEnd.Called:
                return SendErrorAsync(context, route, outcome.Result);
            case RequestEnd.Answered:
                return responses.SendResultAsync(context, outcome.Answer);
            case RequestEnd.MiddlewareFailed:
                return errors.FailedAsync(
                    context, HttpErrors.NewErrorId(), "middleware_failed", "A middleware of this route failed");
            case RequestEnd.ResponseLost:
                var lostId = HttpErrors.NewErrorId();
                logger.FunctionFailed(
                    route.MethodName, route.Label, lostId, route.FunctionId, ErrorCodes.InvocationStopped, ResponseLost);
                return errors.FailedAsync(context, lostId, ErrorCodes.InvocationStopped, ResponseLost);
            case RequestEnd.BodyTooLarge:
                return errors.BodyTooLargeAsync(context);
            case RequestEnd.TimedOut:
                logger.RequestTimedOut(route.MethodName, route.Label, route.FunctionId);
                return errors.TimedOutAsync(context);
            case RequestEnd.ConditionNotMet:
                return errors.ConditionNotMetAsync(context);
            case RequestEnd.ConditionFailed:
                var errorId = HttpErrors.NewErrorId();
                logger.ConditionFailed(route.MethodName, route.Label, errorId, route.Config.ConditionFunctionId!);
                return errors.FailedAsync(context, errorId, "condition_failed", "The condition of this route gave no answer");
            default:
                throw new InvalidOperationException($"no answer for {outcome.End}");
        }
    }

    /// <summary>Sends the response to a request that ended with an exception.</summary>
    public ValueTask<FlushResult> SendExceptionAsync(HttpContext context, HttpRoute route, Exception exception)
    {
        switch (exception)
        {
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return errors.BodyTooLargeAsync(context);
            case BadHttpRequestException bad:
                return responses.SendAsync(context, bad.StatusCode, default);
            case IOException or OperationCanceledException:
                logger.ClientLeft(route.MethodName, route.Label);
                return default;
            default:
                var errorId = HttpErrors.NewErrorId();
                logger.RequestFailed(exception, route.MethodName, route.Label, errorId);
                return errors.FailedAsync(context, errorId, ErrorCodes.InvocationError, "The request failed inside the engine");
        }
    }

    private ValueTask<FlushResult> SendErrorAsync(HttpContext context, HttpRoute route, in InvocationResult result)
    {
        var (code, message) = result.ReadError();
        switch (code)
        {
            case ErrorCodes.InvocationTimeout:
                logger.RequestTimedOut(route.MethodName, route.Label, route.FunctionId);
                return errors.TimedOutAsync(context);
            case ErrorCodes.WorkerOverloaded:
                // The call did not run, so the client may simply try again.
                logger.RequestTurnedAway(route.MethodName, route.Label);
                return errors.OverloadedAsync(context);
            case ErrorCodes.BrokerUnavailable:
                logger.BrokerUnavailable(route.MethodName, route.Label, route.FunctionId, DisplayText.Clip(message, LoggedMessageLength));
                return errors.BrokerUnavailableAsync(context);
            default:
                var errorId = HttpErrors.NewErrorId();
                logger.FunctionFailed(route.MethodName, route.Label, errorId, route.FunctionId, DisplayText.Clip(code), DisplayText.Clip(message, LoggedMessageLength));
                return errors.FailedAsync(context, errorId, code, message);
        }
    }
}
