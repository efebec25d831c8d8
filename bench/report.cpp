// Reads what bench/run measured from standard input, prints the table and writes the same as JSON.
// Usage: report RESULTS.json < LINES, where a line is
//   time PART ENGINE SECONDS       one timed run
//   figure NAME VALUE UNIT BOUND   anything else, with what it should be below (0: no bound)
//   peak GFLOPS                    of this machine; the largest counts: others may have been at
//   work
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>

#include "base/file.h"
#include "base/json.h"

namespace tempera::bench {
namespace {

constexpr const char* kOurs = "tempera";

struct Part {
  const char* name;
  const char* what;
  double gflop;  // of Stable Diffusion 1.5 at 512x512, a multiply-add counted as two
};
constexpr Part kParts[] = {{"unet", "UNet step, batch 2, 64x64 latents", 1609.4},
                           {"vae_decoder", "VAE decode, 512x512", 2520.7},
                           {"text_encoder", "CLIP, 2x77 tokens", 26.6}};

struct Figure {
  std::string name, unit;
  double value = 0, bound = 0;
};

struct Measurements {
  std::map<std::string, std::map<std::string, std::vector<double>>> seconds;  // part, engine
  std::vector<Figure> figures;
  double peak = 0;  // GFLOP/s; 0: not measured
};

Measurements read(std::istream& in) {
  Measurements m;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, part, engine;
    words >> kind;
    if (double rate = 0; kind == "peak" && words >> rate) m.peak = std::max(m.peak, rate);
    if (kind == "time" && words >> part >> engine) words >> m.seconds[part][engine].emplace_back();
    if (kind == "figure") {
      Figure& figure = m.figures.emplace_back();
      words >> figure.name >> figure.value >> figure.unit >> figure.bound;
    }
  }
  return m;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

Json row(const std::vector<double>& seconds, double gflop, double peak) {
  const double middle = median(seconds);
  Json json = {{"runs", seconds.size()},
               {"median", middle},
               {"min", std::ranges::min(seconds)},
               {"max", std::ranges::max(seconds)},
               {"gflops", gflop / middle}};
  if (peak > 0) json["per_cent_of_peak"] = 100 * gflop / middle / peak;
  return json;
}

// Ours first, then the peers with how many times as long as theirs our median takes.
Json part_json(const std::map<std::string, std::vector<double>>& engines, double gflop,
               double peak) {
  Json json = Json::object();
  const auto ours = engines.find(kOurs);
  if (ours != engines.end()) json[kOurs] = row(ours->second, gflop, peak);
  for (const auto& [engine, seconds] : engines) {
    if (engine == kOurs) continue;
    json[engine] = row(seconds, gflop, peak);
    if (ours != engines.end()) json[engine]["ratio"] = median(ours->second) / median(seconds);
  }
  return json;
}

void print_part(const Part& part, const Json& engines) {
  fmt::print("\n{} ({} GFLOP)\n", part.what, part.gflop);
  fmt::print("  {:12} {:>9} {:>9} {:>9} {:>9} {:>7}  {}\n", "", "median s", "min s", "max s",
             "GFLOP/s", "% peak", "ours / theirs");
  for (const auto& [engine, row] : engines.items()) {
    fmt::print("  {:12} {:9.3f} {:9.3f} {:9.3f} {:9.1f} ", engine, row["median"].get<double>(),
               row["min"].get<double>(), row["max"].get<double>(), row["gflops"].get<double>());
    const bool has_peak = row.contains("per_cent_of_peak");
    fmt::print("{:>7}  ",
               has_peak ? fmt::format("{:.1f}", row["per_cent_of_peak"].get<double>()) : "");
    fmt::print("{}\n",
               row.contains("ratio") ? fmt::format("{:.2f}", row["ratio"].get<double>()) : "");
  }
}

void print_figure(const Figure& figure) {
  fmt::print("  {:36} {:9.2f} {:4}", figure.name, figure.value, figure.unit);
  if (figure.bound > 0) fmt::print("  aim: under {:g}", figure.bound);
  fmt::print("\n");
}

Status report(const std::string& path) {
  const Measurements m = read(std::cin);
  Json json = {{"peak_gflops", m.peak}, {"parts", Json::object()}, {"figures", Json::object()}};
  if (m.peak > 0) fmt::print("f32 peak of this machine: {:.1f} GFLOP/s\n", m.peak);
  for (const Part& part : kParts) {
    const auto engines = m.seconds.find(part.name);
    if (engines == m.seconds.end()) continue;
    print_part(part, json["parts"][part.name] = part_json(engines->second, part.gflop, m.peak));
  }
  if (!m.figures.empty()) fmt::print("\n");
  for (const Figure& figure : m.figures) {
    print_figure(figure);
    json["figures"][figure.name] = {{"value", figure.value}, {"unit", figure.unit}};
  }
  return write_file(path, json.dump(2) + "\n");
}

}  // namespace
}  // namespace tempera::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: report RESULTS.json < LINES\n");
    return 2;
  }
  const tempera::Status status = tempera::bench::report(argv[1]);
  if (!status.ok()) fmt::print(stderr, "report: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
