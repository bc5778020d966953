using Xunit;

namespace Iii.Broker.Specs;

/// <summary>The contract of <see cref="IMessageBus"/>. An adapter passes when a subclass with its factory is green.</summary>
public abstract class MessageBusSpecs : SeamSpecs<IMessageBus>
{
    /// <summary>Any bytes, also those that are no text.</summary>
    [Fact]
    public async Task A_frame_arrives_byte_for_byte()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var frames = new Recorder<byte[]>();
        byte[] frame = [.. Enumerable.Range(0, 256).Select(i => (byte)i), 0, 13, 10];
        await SubscribeAsync(bus, subject, delivery => frames.Add(delivery.Frame.ToArray()));

        Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync(subject, frame, Cancel));
        Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync(subject, ReadOnlyMemory<byte>.Empty, Cancel));

        Assert.Equal<byte[]>([frame, []], await frames.WaitForAsync(2));
    }

    /// <summary>How a dead instance is noticed at once.</summary>
    [Fact]
    public async Task Publishing_to_a_subject_without_subscription_says_that_nobody_listens()
    {
        var bus = await OpenAsync();
        await SubscribeAsync(bus, Unique("other"), _ => { });

        Assert.Equal(PublishOutcome.NobodyListens, await bus.PublishAsync(Unique("subject"), Bytes("x"), Cancel));
    }

    /// <summary>Subjects are exact and case-sensitive; wildcards of brokers mean nothing.</summary>
    [Fact]
    public async Task A_frame_reaches_every_subscription_of_its_subject_and_no_other()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var right = new Recorder<string>();
        var wrong = new Recorder<string>();
        await SubscribeAsync(bus, subject, delivery => right.Add("a" + Text(delivery.Frame)));
        await SubscribeAsync(bus, subject, delivery => right.Add("b" + Text(delivery.Frame)));
        foreach (var other in (string[])["*", "#", ">", subject + ".x", subject[..^1], subject + "*", subject.ToUpperInvariant()])
        {
            await SubscribeAsync(bus, other, delivery => wrong.Add(Text(delivery.Frame)));
        }

        await bus.PublishAsync(subject, Bytes("1"), Cancel);
        await bus.PublishAsync(subject, Bytes("2"), Cancel);

        Assert.Equal(["a1", "a2", "b1", "b2"], (await right.WaitForAsync(4)).Order());
        Assert.Empty(wrong.Items);
    }

    /// <summary>Subjects are what the naming rules allow, on every broker.</summary>
    [Fact]
    public async Task A_subject_may_have_any_printable_character_up_to_the_longest_name()
    {
        var bus = await OpenAsync();
        foreach (var subject in (string[])["orders/été 2 {x}:*?#>", "日本語.😀", new string('n', BrokerLimits.MaxNameBytes)])
        {
            var frames = new Recorder<string>();
            await SubscribeAsync(bus, subject, delivery => frames.Add(Text(delivery.Frame)));
            Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync(subject, Bytes(subject), Cancel));
            Assert.Equal([subject], await frames.WaitForAsync(1));
        }
    }

    /// <summary>Publishers do not have to wait for one call before the next.</summary>
    [Fact]
    public async Task Frames_of_one_publisher_arrive_in_order_and_once_even_when_it_does_not_wait_between_them()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var frames = new Recorder<int>();
        await SubscribeAsync(bus, subject, delivery => frames.Add(int.Parse(Text(delivery.Frame), null)));

        for (var batch = 0; batch < 10; batch++)
        {
            var calls = Enumerable.Range(batch * 50, 50).Select(i => bus.PublishAsync(subject, Bytes($"{i}"), Cancel).AsTask()).ToArray();
            await Task.WhenAll(calls);
            await frames.WaitForAsync((batch + 1) * 50);
        }

        Assert.Equal(Enumerable.Range(0, 500), frames.Items);
    }

    /// <summary>Subscribing is complete when its task is, for publishers everywhere.</summary>
    [Fact]
    public async Task Instances_hear_each_other_from_the_moment_that_subscribing_has_completed()
    {
        var first = await OpenAsync();
        if (await OpenSecondAsync(first) is not { } second)
        {
            return;
        }

        for (var i = 0; i < 20; i++)
        {
            var subject = Unique("subject");
            var frames = new Recorder<string>();
            await SubscribeAsync(first, subject, delivery => frames.Add(Text(delivery.Frame)));
            Assert.Equal(PublishOutcome.Sent, await second.PublishAsync(subject, Bytes($"{i}"), Cancel));
            Assert.Equal([$"{i}"], await frames.WaitForAsync(1));
        }
    }

    /// <summary>A handler needs no lock of its own.</summary>
    [Fact]
    public async Task The_handler_of_a_subscription_is_called_for_one_frame_at_a_time()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var (running, most, done) = (0, 0, 0);
        await bus.SubscribeAsync(
            subject,
            async (_, _) =>
            {
                most = Math.Max(most, Interlocked.Increment(ref running));
                await Task.Yield();
                Interlocked.Decrement(ref running);
                Interlocked.Increment(ref done);
            },
            Cancel);

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => await bus.PublishAsync(subject, Bytes("x"), Cancel))));

        await Eventually.HoldsAsync("all frames are handled", () => Volatile.Read(ref done) == 50);
        Assert.Equal(1, most);
    }

    /// <summary>One bad frame must not deafen an instance.</summary>
    [Fact]
    public async Task A_handler_that_throws_gets_the_next_frame()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var frames = new Recorder<string>();
        await SubscribeAsync(bus, subject, delivery =>
        {
            frames.Add(Text(delivery.Frame));
            throw new InvalidOperationException("A handler of the suite throws on purpose.");
        });

        await bus.PublishAsync(subject, Bytes("1"), Cancel);
        await bus.PublishAsync(subject, Bytes("2"), Cancel);

        Assert.Equal(["1", "2"], await frames.WaitForAsync(2));
    }

    /// <summary>The bound of a subscription: it alone loses frames, and is told.</summary>
    [Fact]
    public async Task A_slow_subscription_loses_frames_and_is_told_so_and_holds_nobody_up()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var count = SmallLimits.MaxBufferedFrames * 4;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new Recorder<(int Number, bool AfterGap)>();
        var fast = new Recorder<int>();
        await bus.SubscribeAsync(
            subject,
            async (delivery, _) =>
            {
                slow.Add((int.Parse(Text(delivery.Frame), null), delivery.AfterGap));
                await gate.Task;
            },
            Cancel);
        await SubscribeAsync(bus, subject, delivery => fast.Add(int.Parse(Text(delivery.Frame), null)));

        for (var i = 0; i < count; i++)
        {
            await bus.PublishAsync(subject, Bytes($"{i}"), Cancel);
            await fast.WaitForAsync(i + 1);
        }

        gate.SetResult();
        var last = count;
        await Eventually.HoldsAsync("the slow subscription is told of its gap", async () =>
        {
            await bus.PublishAsync(subject, Bytes($"{last++}"), Cancel);
            return slow.Items.Any(item => item.AfterGap);
        });
        Assert.Equal(Enumerable.Range(0, count), fast.Items.Take(count));
        Assert.True(slow.Items.Zip(slow.Items.Skip(1)).All(pair => pair.Second.Number == pair.First.Number + 1 || pair.Second.AfterGap));
    }

    /// <summary>The bound of a frame.</summary>
    [Fact]
    public async Task A_frame_of_the_largest_size_arrives_and_a_larger_one_is_refused()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var frames = new Recorder<int>();
        await SubscribeAsync(bus, subject, delivery => frames.Add(delivery.Frame.Length));

        await bus.PublishAsync(subject, new byte[bus.Limits.MaxFrameBytes], Cancel);
        await RefusesAsync(
            BrokerErrorCodes.LimitExceeded, async () => await bus.PublishAsync(subject, new byte[bus.Limits.MaxFrameBytes + 1], Cancel));

        Assert.Equal([bus.Limits.MaxFrameBytes], await frames.WaitForAsync(1));
    }

    /// <summary>The naming rules.</summary>
    [Theory]
    [ClassData(typeof(InvalidNames))]
    public async Task A_subject_that_is_no_name_is_refused(string subject)
    {
        var bus = await OpenAsync();
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await bus.PublishAsync(subject, Bytes("x"), Cancel));
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await bus.SubscribeAsync(subject, (_, _) => default, Cancel));
    }

    /// <summary>Publishers reuse their buffers.</summary>
    [Fact]
    public async Task The_frame_is_the_publishers_again_when_publishing_has_completed()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var frames = new Recorder<string>();
        await SubscribeAsync(bus, subject, delivery => frames.Add(Text(delivery.Frame)));
        var buffer = new byte[1];

        for (var i = 0; i < 26; i++)
        {
            buffer[0] = (byte)('a' + i);
            await bus.PublishAsync(subject, buffer, Cancel);
        }

        Assert.Equal("abcdefghijklmnopqrstuvwxyz", string.Concat(await frames.WaitForAsync(26)));
    }

    /// <summary>After dispose, what the handler uses may be torn down.</summary>
    [Fact]
    public async Task Disposing_a_subscription_twice_waits_for_the_running_handler_and_nothing_comes_after_it()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (started, ended) = (0, 0);
        var subscription = await bus.SubscribeAsync(
            subject,
            async (_, _) =>
            {
                Interlocked.Increment(ref started);
                await gate.Task;
                Interlocked.Increment(ref ended);
            },
            Cancel);
        await bus.PublishAsync(subject, Bytes("x"), Cancel);
        await Eventually.HoldsAsync("the handler runs", () => Volatile.Read(ref started) == 1);

        var disposals = new[] { subscription.DisposeAsync().AsTask(), subscription.DisposeAsync().AsTask() };
        Assert.DoesNotContain(disposals, disposal => disposal.IsCompleted);
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", Task.WhenAll(disposals));

        Assert.Equal(1, Volatile.Read(ref ended));
        Assert.Equal(PublishOutcome.NobodyListens, await bus.PublishAsync(subject, Bytes("x"), Cancel));
        await subscription.DisposeAsync();
        Assert.Equal(1, Volatile.Read(ref started));
    }

    /// <summary>Closing an instance ends all it listens to.</summary>
    [Fact]
    public async Task Disposing_the_bus_twice_ends_its_subscriptions_and_its_use()
    {
        var bus = await OpenAsync();
        var subject = Unique("subject");
        await SubscribeAsync(bus, subject, _ => { });
        var second = bus.Features.HasFlag(BrokerFeatures.Shared) ? await OpenAsync() : null;

        await bus.DisposeAsync();
        await bus.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await bus.PublishAsync(subject, Bytes("x"), Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await bus.SubscribeAsync(subject, (_, _) => default, Cancel));
        if (second is not null)
        {
            Assert.Equal(PublishOutcome.NobodyListens, await second.PublishAsync(subject, Bytes("x"), Cancel));
        }
    }

    /// <summary>A killed instance is nobody, and knows nobody.</summary>
    [Fact]
    public async Task An_instance_that_is_cut_off_fails_fast_and_soon_counts_as_nobody()
    {
        var first = await OpenSubjectAsync();
        var subject = Unique("subject");
        await SubscribeAsync(first.Seam, subject, _ => { });
        var second = await OpenSecondAsync(first.Seam);

        await first.CutOffAsync();

        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, async () => await first.Seam.PublishAsync(subject, Bytes("x"), Cancel));
        if (second is not null)
        {
            await Eventually.HoldsAsync(
                "nobody listens any more",
                async () => await second.PublishAsync(subject, Bytes("x"), Cancel) == PublishOutcome.NobodyListens);
        }
    }

    /// <summary>A caller that has gone away does nothing.</summary>
    [Fact]
    public async Task A_token_that_is_set_already_stops_the_call()
    {
        var bus = await OpenAsync();
        var set = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await bus.PublishAsync("subject", Bytes("x"), set));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await bus.SubscribeAsync("subject", (_, _) => default, set));
    }

    private static ValueTask<IAsyncDisposable> SubscribeAsync(IMessageBus bus, string subject, Action<BusDelivery> handler) =>
        bus.SubscribeAsync(
            subject,
            (delivery, _) =>
            {
                handler(delivery);
                return default;
            },
            Cancel);
}
