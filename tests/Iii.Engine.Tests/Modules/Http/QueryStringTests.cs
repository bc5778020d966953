using System.Text;
using System.Text.Json;
using CsCheck;
using Iii.Engine.Modules.Http;
using Iii.Protocol;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class QueryStringTests
{
    [Theory]
    [InlineData("", "{}")]
    [InlineData("&&", "{}")]
    [InlineData("x=1&x=2&y=a+b&z", """{"x":"2","y":"a b","z":""}""")]
    [InlineData("a=%41%20%C3%A9", """{"a":"A é"}""")]
    [InlineData("a=100%&b=%zz&c=%4", """{"a":"100%","b":"%zz","c":"%4"}""")]
    [InlineData("a=%2", """{"a":"%2"}""")]
    [InlineData("a=%41", """{"a":"A"}""")]
    [InlineData("a=%FF", "{\"a\":\"\uFFFD\"}")]
    [InlineData("a=1=2", """{"a":"1=2"}""")]
    [InlineData("=v", """{"":"v"}""")]
    [InlineData("a%62=1&ab=2", """{"ab":"2"}""")]
    [InlineData("q=%22%5C%0A", """{"q":"\"\\\n"}""")]
    public void Query_is_decoded_as_a_form(string query, string json) => Assert.Equal(json, Write(query));

    [Fact]
    public void Any_pairs_come_back_with_the_last_of_each_name() =>
        Gen.Select(Gen.String[Gen.Char["ab&=+% é"], 0, 2], Gen.String[0, 6]).Array[0, 40].Sample(pairs =>
        {
            var valid = pairs.Where(pair => IsUnicode(pair.Item1) && IsUnicode(pair.Item2)).ToArray();
            var query = string.Join('&', valid.Select(pair => $"{Uri.EscapeDataString(pair.Item1)}={Uri.EscapeDataString(pair.Item2)}"));
            using var document = JsonDocument.Parse(Write(query));
            var members = document.RootElement.EnumerateObject().ToArray();
            var expected = valid.GroupBy(pair => pair.Item1).ToDictionary(group => group.Key, group => group.Last().Item2);
            return members.Length == expected.Count && members.All(member => expected[member.Name] == member.Value.GetString());
        });

    private static bool IsUnicode(string text) => !text.Any(char.IsSurrogate);

    private static string Write(string query)
    {
        var builder = new FrameBuilder(16);
        QueryString.WriteJson(ref builder, query);
        var frame = builder.Build();
        var text = Encoding.UTF8.GetString(frame.Span);
        frame.Return();
        return text;
    }
}
