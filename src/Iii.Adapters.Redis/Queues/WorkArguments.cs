using System.Runtime.InteropServices;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>Makes the arguments of <c>work.lua</c> for one consumer.</summary>
internal sealed class WorkArguments(string publishCommand, QueueSubscription subscription, string ordering)
{
    /// <summary>A call takes messages until their records have so many bytes, and then at most 15 more.</summary>
    private const int TargetBytes = 1024 * 1024;

    private const int Fixed = 9;
    private const int PerVerdict = 4;

    private readonly RedisValue[] _first =
        [publishCommand, subscription.Group, ordering, (long)subscription.LeaseTime.TotalMilliseconds];

    public RedisValue[] Create(List<Settlement> settlements, int want, bool looksForDue, bool maySleep)
    {
        var plain = 0;
        foreach (ref readonly var settlement in CollectionsMarshal.AsSpan(settlements))
        {
            plain += settlement.IsPlain ? 1 : 0;
        }

        var arguments = new RedisValue[Fixed + plain + (PerVerdict * (settlements.Count - plain))];
        _first.CopyTo(arguments, 0);
        arguments[4] = want;
        arguments[5] = TargetBytes;
        arguments[6] = (looksForDue, maySleep) switch
        {
            (true, true) => "ds",
            (true, false) => "d",
            (false, true) => "s",
            _ => "",
        };
        arguments[7] = CommonEpoch(settlements);
        arguments[8] = plain;
        var (nextPlain, nextVerdict) = (Fixed, Fixed + plain);
        foreach (ref readonly var settlement in CollectionsMarshal.AsSpan(settlements))
        {
            if (settlement.IsPlain)
            {
                arguments[nextPlain++] = settlement.Run.Handle;
                continue;
            }

            arguments[nextVerdict++] = settlement.Run.Handle;
            arguments[nextVerdict++] = settlement.Run.Number;
            arguments[nextVerdict++] = settlement.Verdict;
            arguments[nextVerdict++] = settlement.Failure;
        }

        return arguments;
    }

    /// <summary>Empty when there is none.</summary>
    private static string CommonEpoch(List<Settlement> settlements)
    {
        var epoch = settlements.Count > 0 ? settlements[0].Run.Epoch : "";
        return settlements.TrueForAll(settlement => settlement.Run.Epoch == epoch) ? epoch : "";
    }
}
