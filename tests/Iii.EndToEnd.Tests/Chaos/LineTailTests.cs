namespace Iii.EndToEnd.Tests.Chaos;

public class LineTailTests
{
    [Fact]
    public void Line_that_is_written_in_parts_is_one_line()
    {
        using var file = new MemoryStream();
        var tail = new LineTail(file);
        Assert.Equal(["a"], ReadAfter("a\nb "));
        Assert.Empty(ReadAfter(""));
        Assert.Empty(ReadAfter("c"));
        Assert.Equal(["b c", "d"], ReadAfter("\nd\n"));

        IReadOnlyList<string> ReadAfter(string text)
        {
            var position = file.Position;
            file.Write(System.Text.Encoding.ASCII.GetBytes(text));
            file.Position = position;
            return tail.Read();
        }
    }
}
