//! Exact optimal transport for the tests: successive shortest augmenting paths
//! on the bipartite graph of sources and sinks (Ahuja et al. 1993, section 9.7).

/// Minimal Σ plan ∘ cost over all plans with marginals `a` and `b`.
///
/// `cost` is [a.len(), b.len()]. Exact up to rounding; for small problems only.
pub(crate) fn exact_transport(a: &[f64], b: &[f64], cost: &[f64]) -> f64 {
    let (sources, sinks) = (a.len(), b.len());
    let mut supply = a.to_vec();
    let mut demand = b.to_vec();
    let mut flow = vec![0.0; sources * sinks];
    while let Some(path) = cheapest_path(&supply, &demand, &flow, cost) {
        let first = supply[path[0].0];
        let last = demand[path[path.len() - 1].1];
        // Every second edge of the path is walked backwards and gives flow back.
        let returned = path
            .windows(2)
            .map(|edges| flow[edges[1].0 * sinks + edges[0].1]);
        let amount = returned.fold(first.min(last), f64::min);
        for edges in path.windows(2) {
            flow[edges[1].0 * sinks + edges[0].1] -= amount;
        }
        for &(source, sink) in &path {
            flow[source * sinks + sink] += amount;
        }
        supply[path[0].0] -= amount;
        demand[path[path.len() - 1].1] -= amount;
    }
    flow.iter().zip(cost).map(|(f, c)| f * c).sum()
}

/// The forward edges (source, sink) of the cheapest path from a source with
/// supply to a sink with demand in the residual graph, by Bellman and Ford.
fn cheapest_path(
    supply: &[f64],
    demand: &[f64],
    flow: &[f64],
    cost: &[f64],
) -> Option<Vec<(usize, usize)>> {
    const EMPTY: f64 = 1e-14;
    let (sources, sinks) = (supply.len(), demand.len());
    let mut to_source: Vec<f64> = supply
        .iter()
        .map(|&s| if s > EMPTY { 0.0 } else { f64::INFINITY })
        .collect();
    let mut to_sink = vec![f64::INFINITY; sinks];
    let mut source_before = vec![0; sinks];
    let mut sink_before = vec![None; sources];
    let mut changed = true;
    while changed {
        changed = false;
        for source in 0..sources {
            for sink in 0..sinks {
                let edge = source * sinks + sink;
                if to_source[source] + cost[edge] < to_sink[sink] - 1e-13 {
                    to_sink[sink] = to_source[source] + cost[edge];
                    source_before[sink] = source;
                    changed = true;
                }
                if flow[edge] > EMPTY && to_sink[sink] - cost[edge] < to_source[source] - 1e-13 {
                    to_source[source] = to_sink[sink] - cost[edge];
                    sink_before[source] = Some(sink);
                    changed = true;
                }
            }
        }
    }
    let mut sink = (0..sinks)
        .filter(|&sink| demand[sink] > EMPTY && to_sink[sink].is_finite())
        .min_by(|&i, &j| to_sink[i].total_cmp(&to_sink[j]))?;
    let mut path = vec![(source_before[sink], sink)];
    while let Some(previous) = sink_before[source_before[sink]] {
        sink = previous;
        path.push((source_before[sink], sink));
    }
    path.reverse();
    Some(path)
}
