using System.Text;
using Iii.Broker;
using Iii.Engine.Modules.Queue;
using Iii.Protocol;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class JobHeadersTests
{
    [Fact]
    public void Trace_comes_back_as_it_went()
    {
        var headers = JobHeaders.Write("f", new JsonSlice("\"00-aé\\\"\""u8), new JsonSlice("\"k=v\""u8));
        Assert.Equal("f", headers[JobHeaders.FunctionId]);
        Assert.Equal("\"00-aé\\\"\"", Encoding.UTF8.GetString(JobHeaders.TraceParentJson(headers)));
        Assert.Equal("\"k=v\"", Encoding.UTF8.GetString(JobHeaders.BaggageJson(headers)));
    }

    [Fact]
    public void Job_without_a_trace_has_no_headers() => Assert.Empty(JobHeaders.Write(null, default, default));

    [Fact]
    public void What_does_not_fit_is_left_out_the_trace_before_the_function()
    {
        var functionId = new string('f', 4_000);
        var headers = JobHeaders.Write(
            functionId, new JsonSlice("\"00-t\""u8), new JsonSlice(Encoding.UTF8.GetBytes($"\"{new string('b', 8_000)}\"")));
        Assert.Equal(["function_id", "traceparent"], headers.Keys.Order());
        Assert.True(headers.Sum(static header => header.Key.Length + header.Value.Length) <= BrokerLimits.MaxHeaderBytes);
    }

    [Theory]
    [InlineData("function", "fn:function")]
    [InlineData("a::b", "fn:a::b")]
    public void Group_of_a_function_has_its_name(string functionId, string expected) => Assert.Equal(expected, QueueNames.OfFunction(functionId));

    [Fact]
    public void Group_of_a_function_whose_id_is_no_name_is_a_digest()
    {
        var one = QueueNames.OfFunction(new string('x', 300));
        var other = QueueNames.OfFunction(new string('x', 301));
        Assert.NotEqual(one, other);
        Assert.All([one, other, QueueNames.OfFunction("a\nb")], static group => BrokerNames.CheckName("group", group));
    }
}
