#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace tempera::bench {

// One op of a real model, as a graph of its own.
struct Workload {
  std::string name;
  graph::Graph graph;
  double flops = 0;  // 2 a multiply-add
};

// Ten that together stand for Stable Diffusion 1.5: `bench/configs` searches their spaces.
std::vector<Workload> ten_workloads();

}  // namespace tempera::bench
