using Iii.Engine.Cluster;
using Iii.Engine.Tests.Configuration;

namespace Iii.Engine.Tests.Cluster;

public sealed class ClusterOptionsTests
{
    [Fact]
    public void Defaults_are_usable()
    {
        Assert.Empty(new ClusterOptions().Validate());
        Assert.Equal(new ClusterOptions(), Configured.Valid("cluster: {}").Cluster);
        Assert.Equal(
            new ClusterOptions
            {
                Name = "iii",
                InstanceId = null,
                HeartbeatIntervalMs = 250,
                SuspectTimeoutMs = 1000,
                MemberTimeoutMs = 2500,
                LeaveSettleMs = 100,
            },
            Configured.Valid("port: 1").Cluster);
    }

    [Fact]
    public void Every_option_can_be_set()
    {
        Assert.Equal(
            new ClusterOptions
            {
                Name = "shop-2",
                InstanceId = "a_1",
                HeartbeatIntervalMs = 1,
                SuspectTimeoutMs = 3,
                MemberTimeoutMs = 4,
                LeaveSettleMs = 0,
            },
            Configured.Valid(
                """
                cluster:
                  name: shop-2
                  instance_id: ${HOSTNAME}
                  heartbeat_interval_ms: 1
                  suspect_timeout_ms: 3
                  member_timeout_ms: 4
                  leave_settle_ms: 0
                """,
                ("HOSTNAME", "a_1")).Cluster);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a.b")]
    [InlineData("é")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Names_are_short_and_plain(string name)
    {
        Assert.Equal("name", Assert.Single(new ClusterOptions { Name = name }.Validate()).Path);
        Assert.Equal("instance_id", Assert.Single(new ClusterOptions { InstanceId = name }.Validate()).Path);
        Assert.Empty(new ClusterOptions { Name = new string('a', 64), InstanceId = new string('b', 64) }.Validate());
    }

    [Theory]
    [InlineData("cluster: x", "1:10 cluster: expected a mapping, got the text 'x'")]
    [InlineData(
        "cluster: {nam: x}",
        "1:11 cluster: unknown key 'nam'; did you mean 'name'? Known keys: name, instance_id, heartbeat_interval_ms, suspect_timeout_ms, "
        + "member_timeout_ms, leave_settle_ms.")]
    [InlineData(
        "cluster: {name: 'a/b'}", "1:17 cluster.name: 'a/b' is no name; write 1 to 64 letters, digits, '_' or '-'")]
    [InlineData("cluster: {heartbeat_interval_ms: 0}", "1:34 cluster.heartbeat_interval_ms: 0 is out of range; write 1 or more")]
    [InlineData(
        "cluster: {suspect_timeout_ms: 500}",
        "1:31 cluster.suspect_timeout_ms: 500 is not more than two heartbeats (heartbeat_interval_ms is 250); a single late one must not "
        + "make an instance suspect")]
    [InlineData(
        "cluster: {member_timeout_ms: 1000}",
        "1:30 cluster.member_timeout_ms: 1000 is not more than suspect_timeout_ms (1000); an instance is suspect before it is gone")]
    [InlineData("cluster: {leave_settle_ms: -1}", "1:28 cluster.leave_settle_ms: -1 is out of range; write 0 or more")]
    public void What_is_wrong_is_reported_at_its_place(string text, string expected)
    {
        Assert.Equal([expected], Configured.Errors(text));
    }
}
