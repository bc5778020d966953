using System.Reflection;

namespace Iii.Architecture.Tests;

/// <summary>A seam stays small, or nobody writes a second implementation.</summary>
public class SeamTests
{
    private const int MostMembers = 5;

    [Theory]
    [InlineData("IMessageBus")]
    [InlineData("IQueueBroker")]
    [InlineData("IStateStore")]
    [InlineData("ILeaseProvider")]
    public void Seam_has_at_most_five_members(string name)
    {
        var seam = Assembly.Load("Iii.Broker").GetExportedTypes().SingleOrDefault(type => type.IsInterface && type.Name == name);

        Assert.True(seam is not null, $"Iii.Broker has no interface {name}: the four seams are what it is for.");
        Assert.InRange(Members(seam).Length, 1, MostMembers);
    }

    /// <summary>The members that the seam declares itself, a property or an event counting as one.</summary>
    private static MemberInfo[] Members(Type seam) =>
        [.. seam.GetMembers().Where(static member => member is not MethodInfo { IsSpecialName: true })];
}
