using System.Text;
using CsCheck;
using Iii.Engine.Modules.Http;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class ResponseEnvelopeTests
{
    [Theory]
    [InlineData("""{"status_code":201,"body":{"a":1}}""", 201, """{"a":1}""")]
    [InlineData("""{"statusCode":201}""", 201, "{}")]
    [InlineData("""{"statusCode":500,"status_code":201}""", 201, "{}")]
    [InlineData("""{"body":null}""", 200, "null")]
    [InlineData("""{"headers":{}}""", 200, "{}")]
    [InlineData("""{"body":1,"body":2}""", 200, "2")]
    [InlineData("""{"b\u006fdy":[1 , 2]}""", 200, "[1 , 2]")]
    [InlineData("""{"status_code":"201","body":1}""", 200, "1")]
    [InlineData("""{"status_code":201.5,"body":1}""", 200, "1")]
    [InlineData("""{"status_code":99,"body":1}""", 200, "1")]
    [InlineData("""{"status_code":101,"body":1}""", 200, "1")]
    [InlineData("""{"status_code":1000,"body":1}""", 200, "1")]
    [InlineData("""{"status_code":999,"body":1}""", 999, "1")]
    [InlineData("""{"status_code":-1,"body":1}""", 200, "1")]
    [InlineData("""{"status_code":null}""", 200, "{}")]
    [InlineData("""{"ok":true}""", 200, """{"ok":true}""")]
    [InlineData("\"text\"", 200, "\"text\"")]
    [InlineData("[1]", 200, "[1]")]
    [InlineData("{}", 200, "{}")]
    public void Result_is_an_envelope_or_the_body_itself(string result, int status, string body)
    {
        var envelope = ResponseEnvelope.Read(Encoding.UTF8.GetBytes(result));
        Assert.Equal(status, envelope.Status);
        Assert.Equal(body, Encoding.UTF8.GetString(envelope.Body.Span));
    }

    [Fact]
    public void Any_body_passes_byte_for_byte() => JsonTexts.Any.Sample(json =>
        Encoding.UTF8.GetString(ResponseEnvelope.Read(Encoding.UTF8.GetBytes($"{{\"body\": {json} ,\"status_code\":200}}")).Body.Span) == json);

    [Theory]
    [InlineData("""{"Location":"/x","X-N":7,"X-B":true}""", "Location=/x|X-B=true|X-N=7")]
    [InlineData("""["Location: /x","X-T:  a: b "]""", "Location=/x|X-T=a: b")]
    [InlineData("""{"Set-Cookie":["a=1","b=2"]}""", "Set-Cookie=a=1;;b=2")]
    [InlineData("""["Set-Cookie: a=1","Set-Cookie: b=2"]""", "Set-Cookie=a=1;;b=2")]
    [InlineData("""["Content-Type: a/b","content-type: c/d"]""", "Content-Type=c/d")]
    [InlineData("""{"X-Evil":"a\r\nSet-Cookie: b","X Evil":"a","X-É":"a","X-V":"é","":"a","X-Null":null,"X-Obj":{"a":1},"X-Ok":""}""", "X-Ok=")]
    [InlineData("""{"Content-Length":"5","transfer-encoding":"chunked","Connection":"close","Keep-Alive":"1","Upgrade":"h2c"}""", "")]
    [InlineData("""["no colon",": no name",7,null,["X: 1"]]""", "")]
    [InlineData("7", "")]
    public void Headers_come_in_both_forms_and_bad_ones_are_left_out(string json, string expected)
    {
        var headers = new HeaderDictionary();
        ResponseHeaders.Apply(Encoding.UTF8.GetBytes(json), headers);
        Assert.Equal(
            expected,
            string.Join('|', headers.OrderBy(header => header.Key, StringComparer.Ordinal)
                .Select(header => $"{header.Key}={string.Join(";;", header.Value.ToArray())}")));
    }
}
