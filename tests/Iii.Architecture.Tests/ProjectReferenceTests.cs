namespace Iii.Architecture.Tests;

public class ProjectReferenceTests
{
    [Fact]
    public void Project_references_follow_the_arrows()
    {
        var objections = Project.All
            .SelectMany(static project => project.References.Select(target => Arrows.Objection(project.Area, project.Name, target.Area, target.Name)))
            .OfType<string>();

        Assert.Empty(objections);
    }

    [Fact]
    public void Every_shipped_project_has_its_arrows()
    {
        Assert.Contains(Project.Shipped, static project => project.Name == "Iii.Engine");
        Assert.All(Project.Shipped, static project => Assert.True(Arrows.Knows(project.Name), $"{nameof(Arrows)} says nothing of {project.Name}."));
    }

    [Theory]
    [InlineData("src", "Iii.Protocol", "src", "Iii.Broker")]
    [InlineData("src", "Iii.Broker", "src", "Iii.Protocol")]
    [InlineData("src", "Iii.Broker", "src", "Iii.Engine")]
    [InlineData("src", "Iii.Engine", "src", "Iii.Adapters.Redis")]
    [InlineData("src", "Iii.Engine", "src", "Iii.Cli")]
    [InlineData("src", "Iii.Adapters.Redis", "src", "Iii.Engine")]
    [InlineData("src", "Iii.Adapters.Redis", "src", "Iii.Protocol")]
    [InlineData("src", "Iii.Adapters.Redis", "src", "Iii.Adapters.Sqlite")]
    [InlineData("src", "Iii.Sdk", "src", "Iii.Engine")]
    [InlineData("src", "Iii.Cli", "src", "Iii.Adapters.MassTransit")]
    [InlineData("src", "Iii.Cli", "src", "Iii.Cli.MassTransit")]
    [InlineData("src", "Iii.Cli", "tests", "Iii.Broker.Specs")]
    [InlineData("src", "Iii.Cli", "bench", "Iii.Bench")]
    [InlineData("src", "Iii.Newcomer", "src", "Iii.Broker")]
    [InlineData("tests", "Iii.Engine.Tests", "bench", "Iii.Bench")]
    [InlineData("examples", "CustomQueueAdapter", "tests", "Iii.Broker.Specs")]
    public void Forbidden_arrow_is_objected_to(string area, string name, string targetArea, string target) =>
        Assert.NotNull(Arrows.Objection(area, name, targetArea, target));

    [Theory]
    [InlineData("src", "Iii.Engine", "src", "Iii.Broker")]
    [InlineData("src", "Iii.Engine", "src", "Iii.Protocol")]
    [InlineData("src", "Iii.Adapters.Redis", "src", "Iii.Broker")]
    [InlineData("src", "Iii.Sdk", "src", "Iii.Protocol")]
    [InlineData("src", "Iii.Cli", "src", "Iii.Adapters.Redis")]
    [InlineData("src", "Iii.Cli.MassTransit", "src", "Iii.Adapters.MassTransit")]
    [InlineData("tests", "Iii.Broker.Tests", "tests", "Iii.Broker.Specs")]
    [InlineData("bench", "Iii.Bench", "src", "Iii.Protocol")]
    public void Allowed_arrow_is_not_objected_to(string area, string name, string targetArea, string target) =>
        Assert.Null(Arrows.Objection(area, name, targetArea, target));
}
