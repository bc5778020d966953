using System.Reflection;
using Iii.Broker.Specs;

namespace Iii.Broker.Tests;

/// <summary>What keeps the seams small and the suites honest.</summary>
public sealed class SeamShapeTests
{
    [Theory]
    [InlineData(typeof(IMessageBus))]
    [InlineData(typeof(IQueueBroker))]
    [InlineData(typeof(IStateStore))]
    [InlineData(typeof(ILeaseProvider))]
    [InlineData(typeof(IDeadLetters))]
    [InlineData(typeof(IQueueInspection))]
    [InlineData(typeof(IMessageCancellation))]
    [InlineData(typeof(IBrokerSeam))]
    public void A_seam_has_at_most_five_members(Type seam)
    {
        var members = seam.GetMembers().Where(member => member is not MethodInfo { IsSpecialName: true }).ToList();
        Assert.InRange(members.Count, 1, 5);
    }

    [Fact]
    public async Task A_suite_fails_when_its_factory_makes_nothing()
    {
        await using var suite = new SuiteWithoutFactory();
        var failure = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(suite.Publishing_to_a_subject_without_subscription_says_that_nobody_listens);
        Assert.Contains("CreateAsync returned null", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_suite_of_the_queues_has_as_many_cases_as_it_says() =>
        Assert.Equal(
            QueueBrokerSpecs.CaseCount, typeof(QueueBrokerSpecs).GetMethods().Count(method => method.IsDefined(typeof(FactAttribute), inherit: true)));

    [Fact]
    public void A_failure_is_cut_between_two_characters()
    {
        const int Longest = BrokerLimits.MaxFailureMessageLength;
        Assert.Equal(new string('m', Longest), new AttemptFailure("code", new string('m', Longest + 1)).Message);
        Assert.Equal(new string('m', Longest - 1), new AttemptFailure("code", new string('m', Longest - 1) + "😀").Message);
        Assert.Equal(new string('m', Longest - 2) + "😀", new AttemptFailure("code", new string('m', Longest - 2) + "😀m").Message);
    }

    [Fact]
    public void A_control_character_or_half_a_character_is_in_no_name()
    {
        foreach (var bad in (string[])["a\u0085", "a\ud83d", "\ude00a", "a\u001f"])
        {
            var refused = Assert.Throws<BrokerException>(() => BrokerNames.CheckStateKey("state key", bad));
            Assert.Equal(BrokerErrorCodes.InvalidName, refused.Code);
        }

        BrokerNames.CheckName("subject", "😀" + new string('é', (BrokerLimits.MaxNameBytes - 4) / 2));
    }

    [Fact]
    public void Names_are_sorted_as_their_bytes_are()
    {
        string[] names = ["", "\uffee", "😀", "😁", "a", "aa", "é", "b", "\ud7ff", "A", "日本", "日"];
        var byBytes = names.OrderBy(name => Convert.ToHexString(System.Text.Encoding.UTF8.GetBytes(name)), StringComparer.Ordinal);
        Assert.Equal(byBytes, names.Order(BrokerNames.Utf8Order));
    }

    private sealed class SuiteWithoutFactory : MessageBusSpecs
    {
        protected override ValueTask<SpecSubject<IMessageBus>> CreateAsync(BrokerLimits limits) => ValueTask.FromResult<SpecSubject<IMessageBus>>(null!);
    }
}
