using System.Globalization;
using Xunit;

namespace Iii.Broker.Specs;

/// <summary>The contract of <see cref="IStateStore"/>. An adapter passes when a subclass with its factory is green.</summary>
public abstract class StateStoreSpecs : SeamSpecs<IStateStore>
{
    /// <summary>Values that brokers, scripts and JSON libraries like to change.</summary>
    public static TheoryData<string> DelicateValues { get; } =
    [
        "{}", "[]", "null", "\"\"", "0", "-0.0", "1e400", "9007199254740993", "1721890000123456", "18446744073709551616", "1.10",
        " { \"b\" : 1 ,\r\n\t\"a\":[ ] } ", "{\"a\":1,\"a\":2}", "\"\\u00e9 é \\ud83d\\ude00 😀 \\u0000\"", "", "not json \u0001",
    ];

    /// <summary>No adapter touches the bytes.</summary>
    [Theory]
    [MemberData(nameof(DelicateValues))]
    public async Task A_value_is_read_byte_for_byte_as_it_was_written(string value)
    {
        var store = await OpenAsync();
        await store.SetAsync("scope", "key", Bytes(value), cancellationToken: Cancel);

        Assert.Equal(Bytes(value), (await store.GetAsync("scope", "key", Cancel))!.Value.ToArray());
        Assert.Equal(Bytes(value), (await ListAsync(store, "scope")).Single().Value.ToArray());
        Assert.Equal(Bytes(value), (await store.DeleteAsync("scope", "key", cancellationToken: Cancel)).Previous!.Value.ToArray());
    }

    /// <summary>Nothing is not an empty value.</summary>
    [Fact]
    public async Task What_was_never_written_is_not_there()
    {
        var store = await OpenAsync();
        await store.SetAsync("scope", "key", Bytes("1"), cancellationToken: Cancel);

        Assert.Null(await store.GetAsync("scope", "other", Cancel));
        Assert.Null(await store.GetAsync("other", "key", Cancel));
        Assert.Empty(await ListAsync(store, "other"));
    }

    /// <summary>The answer of a write needs no second look.</summary>
    [Fact]
    public async Task Writing_tells_what_was_there_before()
    {
        var store = await OpenAsync();
        var created = await store.SetAsync("scope", "key", Bytes("1"), cancellationToken: Cancel);
        var updated = await store.SetAsync("scope", "key", Bytes("2"), cancellationToken: Cancel);
        var deleted = await store.DeleteAsync("scope", "key", cancellationToken: Cancel);
        var again = await store.DeleteAsync("scope", "key", cancellationToken: Cancel);

        Assert.True(created is { IsApplied: true, Previous: null, Version: > 0 });
        Assert.True(updated.IsApplied);
        Assert.Equal(("key", "1", created.Version), (updated.Previous!.Key, Text(updated.Previous.Value), updated.Previous.Version));
        Assert.Equal(("2", updated.Version), (Text(deleted.Previous!.Value), deleted.Previous.Version));
        Assert.Equal(0, deleted.Version);
        Assert.Equal(new StateWrite(true, null, 0), again);
    }

    /// <summary>A version is never seen twice, so compare-and-set cannot be fooled.</summary>
    [Fact]
    public async Task Every_write_gives_a_version_that_the_key_never_had()
    {
        var store = await OpenAsync();
        var versions = new HashSet<long>();
        for (var i = 0; i < 10; i++)
        {
            Assert.True(versions.Add((await store.SetAsync("scope", "key", Bytes("same"), cancellationToken: Cancel)).Version));
            Assert.Contains((await store.GetAsync("scope", "key", Cancel))!.Version, versions);
            await store.DeleteAsync("scope", "key", cancellationToken: Cancel);
        }
    }

    /// <summary>Conditions of set.</summary>
    [Fact]
    public async Task A_set_whose_condition_does_not_hold_changes_nothing_and_shows_what_is_there()
    {
        var store = await OpenAsync();
        var missing = await store.SetAsync("scope", "key", Bytes("x"), StateCondition.IfVersion(12345), Cancel);
        var first = await store.SetAsync("scope", "key", Bytes("1"), StateCondition.IfAbsent, Cancel);
        var present = await store.SetAsync("scope", "key", Bytes("x"), StateCondition.IfAbsent, Cancel);
        var second = await store.SetAsync("scope", "key", Bytes("2"), StateCondition.IfVersion(first.Version), Cancel);
        var stale = await store.SetAsync("scope", "key", Bytes("x"), StateCondition.IfVersion(first.Version), Cancel);

        Assert.Equal(new StateWrite(false, null, 0), missing);
        Assert.True(first.IsApplied && second.IsApplied);
        Assert.False(present.IsApplied || stale.IsApplied);
        Assert.Equal(("1", first.Version, first.Version), (Text(present.Previous!.Value), present.Previous.Version, present.Version));
        Assert.Equal(("2", second.Version), (Text(stale.Previous!.Value), stale.Version));
        Assert.Equal("2", Text((await store.GetAsync("scope", "key", Cancel))!.Value));
    }

    /// <summary>Conditions of delete.</summary>
    [Fact]
    public async Task A_delete_whose_condition_does_not_hold_changes_nothing()
    {
        var store = await OpenAsync();
        var first = await store.SetAsync("scope", "key", Bytes("1"), cancellationToken: Cancel);
        var second = await store.SetAsync("scope", "key", Bytes("2"), cancellationToken: Cancel);

        Assert.False((await store.DeleteAsync("scope", "key", StateCondition.IfVersion(first.Version), Cancel)).IsApplied);
        Assert.False((await store.DeleteAsync("scope", "key", StateCondition.IfAbsent, Cancel)).IsApplied);
        Assert.NotNull(await store.GetAsync("scope", "key", Cancel));
        Assert.True((await store.DeleteAsync("scope", "key", StateCondition.IfVersion(second.Version), Cancel)).IsApplied);
        Assert.Null(await store.GetAsync("scope", "key", Cancel));
    }

    /// <summary>The order of a list is the same on every broker.</summary>
    [Fact]
    public async Task A_list_has_all_entries_of_its_scope_in_the_order_of_their_bytes()
    {
        var store = await OpenAsync();
        string[] keys = ["", " ", "10", "9", "A", "a", "a.b", "a/b", "aa", "é", "日本", "\uffee", "😀"];
        foreach (var key in keys.Reverse())
        {
            await store.SetAsync("scope", key, Bytes(key), cancellationToken: Cancel);
            await store.SetAsync("scope2", key, Bytes("x"), cancellationToken: Cancel);
        }

        var entries = await ListAsync(store, "scope");
        Assert.Equal(keys, entries.Select(entry => entry.Key));
        Assert.Equal(keys, entries.Select(entry => Text(entry.Value)));
        Assert.Equal((await store.GetAsync("scope", "a", Cancel))!.Version, entries.Single(entry => entry.Key == "a").Version);
    }

    /// <summary>Pages bound memory, and survive writers.</summary>
    [Fact]
    public async Task Pages_have_every_lasting_entry_once_though_others_come_and_go()
    {
        var store = await OpenAsync();
        for (var i = 10; i < 35; i++)
        {
            await store.SetAsync("scope", $"k{i}", Bytes("1"), cancellationToken: Cancel);
        }

        var keys = new List<string>();
        var request = new PageRequest { Limit = 10 };
        while (true)
        {
            var page = await store.ListAsync("scope", request, Cancel);
            Assert.True(page.Items.Count <= 10);
            keys.AddRange(page.Items.Select(entry => entry.Key));
            if (page.Next is null)
            {
                break;
            }

            await store.DeleteAsync("scope", keys[^1], cancellationToken: Cancel);
            await store.SetAsync("scope", $"a{keys.Count}", Bytes("1"), cancellationToken: Cancel);
            request = request with { After = page.Next };
        }

        Assert.Equal(Enumerable.Range(10, 25).Select(i => $"k{i}"), keys);
    }

    /// <summary>Scopes have no life of their own.</summary>
    [Fact]
    public async Task A_scope_is_listed_while_it_has_a_key()
    {
        var store = await OpenAsync();
        foreach (var scope in (string[])["b", "a", "😀", "", "c"])
        {
            await store.SetAsync(scope, "key", Bytes("1"), cancellationToken: Cancel);
            await store.SetAsync(scope, "", Bytes("1"), cancellationToken: Cancel);
        }

        await store.DeleteAsync("b", "key", cancellationToken: Cancel);
        await store.DeleteAsync("c", "key", cancellationToken: Cancel);
        await store.DeleteAsync("c", "", cancellationToken: Cancel);

        Assert.Equal(["", "a", "b", "😀"], (await store.ListScopesAsync(PageRequest.First, Cancel)).Items);
        var page = await store.ListScopesAsync(new PageRequest { Limit = 3 }, Cancel);
        Assert.Equal(["😀"], (await store.ListScopesAsync(new PageRequest { After = page.Next }, Cancel)).Items);
    }

    /// <summary>Scope and key do not run into each other, whatever an adapter joins them with.</summary>
    [Fact]
    public async Task Any_scope_and_key_within_the_naming_rules_are_an_address_of_their_own()
    {
        var store = await OpenAsync();
        (string Scope, string Key)[] addresses =
        [
            ("", ""), ("a", ""), ("", "a"), ("a:b", "c"), ("a", "b:c"), ("a/b", "c"), ("a", "b/c"), ("A", "B"), ("a", "B"), ("*", "?"),
            (new string('s', BrokerLimits.MaxKeyBytes), new string('k', BrokerLimits.MaxKeyBytes)), ("é", "e\u0301"), ("e\u0301", "é"),
        ];
        foreach (var (index, (scope, key)) in addresses.Index())
        {
            Assert.Null((await store.SetAsync(scope, key, Bytes($"{index}"), StateCondition.IfAbsent, Cancel)).Previous);
        }

        foreach (var (index, (scope, key)) in addresses.Index())
        {
            Assert.Equal($"{index}", Text((await store.GetAsync(scope, key, Cancel))!.Value));
        }
    }

    /// <summary>The naming rules.</summary>
    [Fact]
    public async Task A_scope_or_key_that_is_too_long_or_has_control_characters_is_refused()
    {
        var store = await OpenAsync();
        foreach (var bad in (string[])["nul\0", "line\n", new string('k', BrokerLimits.MaxKeyBytes + 1)])
        {
            await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await store.SetAsync(bad, "key", Bytes("1"), default, Cancel));
            await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await store.GetAsync("scope", bad, Cancel));
            await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await store.DeleteAsync("scope", bad, default, Cancel));
        }
    }

    /// <summary>The bounds.</summary>
    [Fact]
    public async Task A_value_that_is_too_large_and_an_entry_too_many_are_refused()
    {
        var store = await OpenAsync();
        await store.SetAsync("scope", "0", new byte[store.Limits.MaxValueBytes], cancellationToken: Cancel);
        await RefusesAsync(
            BrokerErrorCodes.LimitExceeded, async () => await store.SetAsync("scope", "x", new byte[store.Limits.MaxValueBytes + 1], default, Cancel));
        for (var i = 1; i < store.Limits.MaxStateEntries; i++)
        {
            await store.SetAsync($"scope{i % 3}", $"{i}", Bytes("1"), cancellationToken: Cancel);
        }

        await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await store.SetAsync("scope", "x", Bytes("1"), default, Cancel));
        Assert.True((await store.SetAsync("scope", "0", Bytes("2"), cancellationToken: Cancel)).IsApplied);
        await store.DeleteAsync("scope", "0", cancellationToken: Cancel);
        Assert.True((await store.SetAsync("scope", "x", Bytes("1"), cancellationToken: Cancel)).IsApplied);
    }

    /// <summary>Compare-and-set underneath loses nothing.</summary>
    [Fact]
    public async Task Concurrent_updates_of_one_key_all_take_effect()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++)
            {
                var store = worker % 2 == 0 ? first : second;
                await store.UpdateAsync("scope", "counter", entry => Bytes(Number(entry) + 1), Cancel);
            }
        })));

        Assert.Equal(200, Number(await second.GetAsync("scope", "counter", Cancel)));

        static byte[] Bytes(int number) => StateStoreSpecs.Bytes(number.ToString(CultureInfo.InvariantCulture));
        static int Number(StateEntry? entry) => entry is null ? 0 : int.Parse(Text(entry.Value), CultureInfo.InvariantCulture);
    }

    /// <summary>Update creates, changes and deletes.</summary>
    [Fact]
    public async Task An_update_creates_changes_and_deletes_and_one_that_throws_does_nothing()
    {
        var store = await OpenAsync();
        var created = await store.UpdateAsync("scope", "key", entry => Bytes(entry is null ? "new" : "old"), Cancel);
        var changed = await store.UpdateAsync("scope", "key", entry => Bytes(Text(entry!.Value) + "er"), Cancel);
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await store.UpdateAsync("scope", "key", _ => throw new InvalidOperationException(), Cancel));
        var present = await store.GetAsync("scope", "key", Cancel);
        var deleted = await store.UpdateAsync("scope", "key", _ => null, Cancel);

        Assert.Null(created.Previous);
        Assert.Equal(("new", "newer"), (Text(changed.Previous!.Value), Text(changed.Current!.Value)));
        Assert.Equal(("newer", changed.Current.Version), (Text(present!.Value), present.Version));
        Assert.Null(deleted.Current);
        Assert.Null(await store.GetAsync("scope", "key", Cancel));
    }

    /// <summary>One world.</summary>
    [Fact]
    public async Task What_one_instance_writes_another_reads_at_once()
    {
        var first = await OpenAsync();
        if (await OpenSecondAsync(first) is not { } second)
        {
            return;
        }

        for (var i = 0; i < 20; i++)
        {
            await first.SetAsync("scope", $"{i}", Bytes($"{i}"), cancellationToken: Cancel);
            Assert.Equal($"{i}", Text((await second.GetAsync("scope", $"{i}", Cancel))!.Value));
        }
    }

    /// <summary>Writers reuse their buffers, readers keep what they read.</summary>
    [Fact]
    public async Task The_value_is_the_writers_again_and_what_was_read_never_changes()
    {
        var store = await OpenAsync();
        var buffer = Bytes("1");
        await store.SetAsync("scope", "key", buffer, cancellationToken: Cancel);
        buffer[0] = (byte)'2';
        var read = await store.GetAsync("scope", "key", Cancel);
        await store.SetAsync("scope", "key", buffer, cancellationToken: Cancel);
        buffer[0] = (byte)'3';

        Assert.Equal("1", Text(read!.Value));
        Assert.Equal("2", Text((await store.GetAsync("scope", "key", Cancel))!.Value));
    }

    /// <summary>What durable means.</summary>
    [Fact]
    public async Task State_outlives_an_instance_that_is_cut_off_where_the_adapter_says_so()
    {
        var first = await OpenSubjectAsync();
        await first.Seam.SetAsync("scope", "key", Bytes("1"), cancellationToken: Cancel);
        await first.CutOffAsync();

        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, async () => await first.Seam.GetAsync("scope", "key", Cancel));
        if ((first.Seam.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) != 0)
        {
            Assert.Equal("1", Text((await (await OpenAsync()).GetAsync("scope", "key", Cancel))!.Value));
        }
    }

    /// <summary>Closing.</summary>
    [Fact]
    public async Task Disposing_the_store_twice_ends_its_use_and_keeps_what_was_written()
    {
        var store = await OpenAsync();
        var write = store.SetAsync("scope", "key", Bytes("1"), cancellationToken: Cancel);
        await write;
        await store.DisposeAsync();
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.GetAsync("scope", "key", Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.SetAsync("scope", "key", Bytes("1"), default, Cancel));
        if ((store.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) != 0)
        {
            Assert.NotNull(await (await OpenAsync()).GetAsync("scope", "key", Cancel));
        }
    }

    private static async Task<IReadOnlyList<StateEntry>> ListAsync(IStateStore store, string scope)
    {
        var entries = new List<StateEntry>();
        await foreach (var entry in store.ListAllAsync(scope, Cancel))
        {
            entries.Add(entry);
        }

        return entries;
    }
}
