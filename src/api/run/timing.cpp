#include <algorithm>
#include <cmath>
#include <numeric>

#include "api/run/run_component.h"

namespace tempera::api {

double median(std::vector<double> values) {
  CHECK(!values.empty(), "the median of nothing");
  std::ranges::sort(values);
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

Timing timing_of(std::vector<double> seconds) {
  CHECK(!seconds.empty(), "times of no run");
  std::ranges::sort(seconds);
  const size_t n = seconds.size();
  Timing timing;
  timing.mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(n);
  timing.median = median(seconds);
  timing.min = seconds.front();
  timing.max = seconds.back();
  double squares = 0;
  for (const double s : seconds) squares += (s - timing.mean) * (s - timing.mean);
  timing.std = n > 1 ? std::sqrt(squares / static_cast<double>(n - 1)) : 0;
  return timing;
}

}  // namespace tempera::api
