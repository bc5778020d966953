using System.Text;
using Iii.Protocol;
using Iii.Sdk.Calls;

namespace Iii.Sdk.Tests;

public class CallIdsTests
{
    private readonly CallIds _ids = new();

    [Theory]
    [InlineData(1)]
    [InlineData(0x0123_4567_89ab_cdef)]
    [InlineData(long.MaxValue)]
    public void Id_is_a_uuid_that_leads_back_to_its_number(long number)
    {
        var id = Written(number);

        Assert.True(Guid.TryParseExact(id.Trim('"'), "D", out _));
        Assert.Equal(number, Number(id));
    }

    [Fact]
    public void Other_spellings_of_an_id_are_understood()
    {
        var uuid = Guid.Parse(Written(42).Trim('"'));

        Assert.Equal(42, Number($"\"{uuid.ToString("D").ToUpperInvariant()}\""));
        Assert.Equal(42, Number($"\"{uuid:N}\""));
        Assert.Equal(42, Number($"\"{uuid:B}\""));
        Assert.Equal(42, Number($"\"urn:uuid:{uuid:D}\""));
    }

    [Fact]
    public void Ids_of_others_and_what_is_no_id_are_refused()
    {
        var id = Written(42);

        Assert.Null(Number(""));
        Assert.Null(Number("null"));
        Assert.Null(Number(id.Trim('"')));
        Assert.Null(Number(id[..^3] + "g0\""));
        Assert.Null(Number(id[..24] + "0" + id[25..]));
        Assert.Null(Number($"\"{Guid.NewGuid()}\""));
        Assert.False(new CallIds().TryGetNumber(new JsonSlice(Encoding.UTF8.GetBytes(id)), out _));
    }

    private string Written(long number)
    {
        var id = new byte[CallIds.Size];
        _ids.Write(number, id);
        return Encoding.UTF8.GetString(id);
    }

    private long? Number(string json) => _ids.TryGetNumber(new JsonSlice(Encoding.UTF8.GetBytes(json)), out var number) ? number : null;
}
