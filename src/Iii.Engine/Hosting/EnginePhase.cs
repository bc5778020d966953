namespace Iii.Engine.Hosting;

/// <summary>Where an engine is in its life.</summary>
internal enum EnginePhase
{
    /// <summary>It comes up; not all of it is there.</summary>
    Starting,

    /// <summary>It takes work.</summary>
    Running,

    /// <summary>It was told to stop, and takes no new work.</summary>
    Draining,
}
