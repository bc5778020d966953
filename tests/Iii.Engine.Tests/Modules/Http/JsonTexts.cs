using System.Text.Json;
using CsCheck;

namespace Iii.Engine.Tests.Modules.Http;

/// <summary>Random JSON in random spelling.</summary>
internal static class JsonTexts
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String.Where(text => !text.Any(char.IsSurrogate)).Select(text => JsonSerializer.Serialize(text)),
        Gen.OneOf("\"\"", "\"\\u0041\"", "\"\\ud83d\\ude00\"", "\"_x\"", "\"path\"", "\"b\\u006fdy\"", "\"é€😀\""));

    private static readonly Gen<string> Scalar = Gen.OneOf(
        Text,
        Gen.Double.Where(double.IsFinite).Select(number => JsonSerializer.Serialize(number)),
        Gen.OneOf("true", "false", "0", "-0", "1E400", "123456789012345678901234567890", "0.10"));

    private static readonly Gen<string> Space = Gen.OneOf("", "", "", " ", "\n", "\t ");

    public static readonly Gen<string> Any = Gen.Recursive<string>((depth, any) => depth > 3
        ? Scalar
        : Gen.OneOf(
            Scalar,
            Gen.Select(Space, any.Array[0, 4]).Select((space, items) => $"[{space}{string.Join("," + space, items)}{space}]"),
            Gen.Select(Space, Gen.Select(Text, any).Array[0, 4]).Select((space, members) =>
                $"{{{space}{string.Join(space + ",", members.Select(member => $"{member.Item1}{space}:{space}{member.Item2}"))}{space}}}")));
}
