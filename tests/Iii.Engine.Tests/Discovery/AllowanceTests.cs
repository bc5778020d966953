using Iii.Engine.Discovery;

namespace Iii.Engine.Tests.Discovery;

public sealed class AllowanceTests
{
    [Fact]
    public void Shares_of_all_takers_make_up_the_limit_and_differ_by_one_at_most()
    {
        for (var limit = 1; limit <= 40; limit++)
        {
            for (var takers = 1; takers <= 12; takers++)
            {
                var shares = Ids(takers).Select(self => Of(limit, self, Ids(takers)).Share).ToArray();
                Assert.Equal(limit, shares.Sum());
                Assert.InRange(shares.Max() - shares.Min(), 0, 1);
                Assert.Equal(shares.OrderDescending(), shares);
            }
        }
    }

    [Fact]
    public void Order_in_which_others_were_heard_of_does_not_matter()
    {
        string[] ids = ["b", "Z", "aa", "ä", "a", "10", "9"];
        var random = new Random(1);
        for (var i = 0; i < 100; i++)
        {
            random.Shuffle(ids);
            Assert.Equal(
                [("10", 2), ("9", 2), ("Z", 2), ("a", 1), ("aa", 1), ("b", 1), ("ä", 1)],
                ids.Select(self => (self, Of(10, self, ids).Share)).OrderBy(static entry => entry.self, StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Alone_an_instance_has_the_whole_limit() => Assert.Equal(new Allowance(int.MaxValue, int.MaxValue), Allowance.Of(int.MaxValue, "a", []));

    [Fact]
    public void Instances_beyond_the_limit_have_none() =>
        Assert.Equal([1, 1, 0, 0], Ids(4).Select(self => Of(2, self, Ids(4)).Share));

    [Fact]
    public void What_others_hold_is_not_free()
    {
        // b holds more than its share, because it was alone before.
        Assert.Equal(new Allowance(2, 0), Of(3, "a", ("b", true, 3)));
        Assert.Equal(new Allowance(2, 1), Of(3, "a", ("b", true, 2)));
        Assert.Equal(new Allowance(2, 2), Of(3, "a", ("b", true, 1)));
    }

    [Fact]
    public void Those_before_are_taken_to_have_their_share_already()
    {
        Assert.Equal(new Allowance(1, 1), Of(3, "b", ("a", true, 0)));
        Assert.Equal(new Allowance(1, 0), Of(3, "c", ("a", true, 2), ("b", true, 0)));
    }

    [Fact]
    public void One_that_takes_no_more_has_no_share_and_what_it_holds_is_not_free()
    {
        Assert.Equal(new Allowance(3, 1), Of(3, "b", ("a", false, 2)));
        Assert.Equal(new Allowance(3, 1), Of(3, "b", ("c", false, 2)));
    }

    /// <summary>
    /// Instances that come, go, and take what they may, while jobs end at any time, and while what one has is known to the others late: never
    /// is more held than the limit, and all of it is held when everything is known.
    /// </summary>
    [Fact]
    public void Limit_holds_however_late_instances_hear_what_the_others_hold()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            new Run(seed).Execute();
        }
    }

    private static string[] Ids(int count) => [.. Enumerable.Range(0, count).Select(static id => $"i{id:00}")];

    private static Allowance Of(int limit, string self, string[] takers) =>
        Of(limit, self, [.. takers.Where(taker => taker != self).Select(static taker => (taker, true, 0))]);

    private static Allowance Of(int limit, string self, params (string Id, bool IsTaker, int Held)[] others) =>
        Allowance.Of(limit, self, [.. others.Select(static other => KeyValuePair.Create(other.Id, new Places(other.IsTaker, other.Held)))]);

    private sealed class Run(int seed)
    {
        private const int Steps = 200;

        private readonly Random _random = new(seed);
        private readonly List<Instance> _instances = [];
        private bool _isSettled;
        private int _limit;
        private int _started;

        public void Execute()
        {
            _limit = _random.Next(1, 12);
            for (var step = 0; step < Steps; step++)
            {
                Disturb();
                var held = _instances.Sum(static instance => instance.Held);
                Assert.True(held <= _limit, $"seed {seed}, step {step}: {held} of {_limit}");
            }

            // All is heard, jobs end, and everybody takes what it may, until nothing changes.
            for (var round = 0; round < 3; round++)
            {
                foreach (var instance in _instances)
                {
                    instance.Busy = Math.Min(instance.Busy, instance.Consuming);
                    Settle();
                    instance.Take(_limit, _isSettled);
                }
            }

            Assert.Equal(_instances.Exists(static instance => instance.IsTaker) ? _limit : 0, _instances.Sum(static instance => instance.Held));
        }

        private void Disturb()
        {
            if (_instances.Count == 0 || _random.Next(40) == 0)
            {
                ChangeTakers(() => _instances.Add(new Instance($"i{_random.Next(100):00}-{_started++}")));
                return;
            }

            var instance = _instances[_random.Next(_instances.Count)];
            switch (_random.Next(80))
            {
                case 0:
                    ChangeTakers(() => _instances.Remove(instance));
                    break;
                case 1:
                    ChangeTakers(instance.Leave);
                    break;
                case < 8:
                    Settle();
                    break;
                case < 30:
                    instance.Hear(_instances[_random.Next(_instances.Count)]);
                    break;
                case < 60:
                    instance.Take(_limit, _isSettled);
                    break;
                default:
                    // Jobs begin where there are places, and end.
                    instance.Busy = _random.Next(Math.Min(instance.Busy, instance.Consuming), instance.Held + 1);
                    break;
            }
        }

        /// <summary>After a while everybody has heard everything that was so before.</summary>
        private void Settle()
        {
            foreach (var instance in _instances)
            {
                _instances.ForEach(instance.Hear);
            }

            _isSettled = true;
        }

        /// <summary>Who takes part is known to all, and what each has may be known late.</summary>
        private void ChangeTakers(Action change)
        {
            change();
            _isSettled = false;
            _instances.ForEach(instance => instance.Meet(_instances));
        }
    }

    private sealed class Instance(string id)
    {
        private readonly Dictionary<string, Places> _others = [];

        public bool IsTaker { get; private set; } = true;

        /// <summary>The places that it takes jobs for.</summary>
        public int Consuming { get; private set; }

        /// <summary>Jobs that run. Beyond what it consumes they are left from when that was more.</summary>
        public int Busy { get; set; }

        public int Held => Math.Max(Consuming, Busy);

        private string Id => id;

        public void Leave() => (IsTaker, Consuming) = (false, 0);

        public void Meet(List<Instance> all)
        {
            foreach (var gone in _others.Keys.Except(all.Select(static other => other.Id)).ToArray())
            {
                _others.Remove(gone);
            }

            foreach (var other in all.Where(other => other != this))
            {
                var held = _others.TryGetValue(other.Id, out var known) ? known.Held : other.Held;
                _others[other.Id] = new Places(other.IsTaker, held);
            }
        }

        public void Hear(Instance other)
        {
            if (other != this)
            {
                _others[other.Id] = new Places(other.IsTaker, other.Held);
            }
        }

        public void Take(int limit, bool isSettled)
        {
            if (!IsTaker)
            {
                return;
            }

            var allowance = Allowance.Of(limit, id, _others);
            Consuming = Math.Min(Consuming, allowance.Share);
            if (isSettled && allowance.Free > Held)
            {
                Consuming = allowance.Free;
            }
        }
    }
}
