using Iii.Adapters.RabbitMq.Queues;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Tests.Queues;

public sealed class MessageIdsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(16_777_216)]
    [InlineData(31_622_400_000)]
    public void The_id_of_a_delayed_message_is_a_UUID_that_says_when_it_is_due(long milliseconds)
    {
        var delay = TimeSpan.FromMilliseconds(milliseconds);
        var id = MessageIds.New(Now, delay);

        Assert.Equal(Now + delay, MessageIds.DueOf(id));
        var parsed = Guid.ParseExact(id, "N");
        Assert.Equal(8, parsed.Version);
        Assert.InRange(parsed.Variant, 8, 11);
    }

    [Fact]
    public void The_longest_delay_of_the_contract_fits_into_an_id()
    {
        var longest = new BrokerLimits().MaxDelay;
        Assert.Equal(Now + longest, MessageIds.DueOf(MessageIds.New(Now, longest)));
    }

    [Fact]
    public void Ids_of_one_moment_differ() =>
        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => MessageIds.New(Now, TimeSpan.FromSeconds(1))).Distinct().Count());

    [Theory]
    [InlineData("")]
    [InlineData("no-such-id")]
    [InlineData("zzzzzzzzzzzz8zzz8zzzzzzzzzzzzzzz")]
    [InlineData("ffffffffffff7000800000000000000f")]
    [InlineData("ffffffffffff8fffbfffffffffffffff")]
    public void What_is_no_id_of_a_delayed_message_says_nothing(string id) => Assert.Null(MessageIds.DueOf(id));

    [Fact]
    public void The_id_of_a_message_without_a_delay_says_nothing() => Assert.Null(MessageIds.DueOf(MessageIds.New(Now, TimeSpan.Zero)));
}
