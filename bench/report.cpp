// Reads what bench/run measured from standard input, prints the tables and writes the same as JSON
// and as a plot. Usage: report RESULTS.json RESULTS.svg < LINES, where a line is
//   time PART ENGINE SECONDS       one timed run; engines named "tempera..." are ours
//   steps N                        of the whole pictures among them
//   profile NAME FILE              what `tempera profile --json` printed of one component
//   figure NAME VALUE UNIT BOUND   anything else, with what it should be below (0: no bound)
//   peak NAME GFLOPS               of this machine; the largest counts: others may have been at
//   work
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "bench/plot.h"

namespace tempera::bench {
namespace {

constexpr std::string_view kOurs = "tempera";

// Our time over that of the fastest peer: what is to be reached, and what is aimed at.
struct Goal {
  double reach, aim;
};
struct Part {
  const char* name;
  const char* what;
  double gflop;      // of Stable Diffusion 1.5 at 512x512, a multiply-add counted as two
  Goal f32, short_;  // in f32; in the fastest 16-bit setting
};
constexpr Part kParts[] = {
    {"unet", "UNet step, batch 2, 64x64 latents", 1609.4, {0.80, 0.65}, {0.55, 0.36}},
    {"vae_decoder", "VAE decode, 512x512", 2520.7, {0.60, 0.35}, {0.45, 0.25}},
    {"vae_encoder", "VAE encode, 512x512", 1119.9, {0.65, 0.45}, {0.50, 0.35}},
    {"text_encoder", "CLIP, 2x77 tokens", 26.6, {0.95, 0.85}, {0.70, 0.55}},
    {"picture", "whole picture; peers: the sum of their parts", 0, {0, 0}, {0.55, 0.38}},
};

struct Figure {
  std::string name, unit;
  double value = 0, bound = 0;
};

using Engines = std::map<std::string, std::vector<double>>;  // seconds of runs, in order

struct Measurements {
  std::map<std::string, Engines> parts;
  std::vector<std::pair<std::string, std::string>> profiles;  // name, file
  std::vector<Figure> figures;
  std::map<std::string, double> peaks;  // GFLOP/s
  double steps = 0;
};

Measurements read(std::istream& in) {
  Measurements m;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, name, engine;
    words >> kind;
    if (kind == "steps") words >> m.steps;
    if (double rate = 0; kind == "peak" && words >> name >> rate)
      m.peaks[name] = std::max(m.peaks[name], rate);
    if (double seconds = 0; kind == "time" && words >> name >> engine >> seconds)
      m.parts[name][engine].push_back(seconds);
    if (kind == "profile" && words >> name) words >> m.profiles.emplace_back(name, "").second;
    if (kind == "figure") {
      Figure& figure = m.figures.emplace_back();
      words >> figure.name >> figure.value >> figure.unit >> figure.bound;
    }
  }
  return m;
}

bool is_ours(std::string_view engine) { return engine.starts_with(kOurs); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

// A peer that ran text encoder, UNet and decoder would make a picture in about their sum.
void add_peers_pictures(Measurements& m) {
  const auto picture = m.parts.find("picture");
  if (picture == m.parts.end()) return;
  const Engines &text = m.parts["text_encoder"], &unet = m.parts["unet"];
  for (const auto& [engine, decode] : m.parts["vae_decoder"])
    if (!is_ours(engine) && text.contains(engine) && unet.contains(engine))
      picture->second[engine] = {median(text.at(engine)) + m.steps * median(unet.at(engine)) +
                                 median(decode)};
}

std::optional<std::string> fastest_peer(const Engines& engines) {
  std::optional<std::string> best;
  for (const auto& [engine, seconds] : engines)
    if (!is_ours(engine) && (!best || median(seconds) < median(engines.at(*best)))) best = engine;
  return best;
}

// Our runs over theirs: of the medians, and the least and the greatest of runs taken in pairs.
Json ratio(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> pairs;
  for (size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i)
    pairs.push_back(ours[i % ours.size()] / theirs[i % theirs.size()]);
  return {{"median", median(ours) / median(theirs)},
          {"min", std::ranges::min(pairs)},
          {"max", std::ranges::max(pairs)}};
}

Json row_json(const Part& part, const std::string& engine, const std::vector<double>& seconds,
              const Measurements& m) {
  const double middle = median(seconds);
  Json json = {{"runs", seconds.size()},
               {"median", middle},
               {"min", std::ranges::min(seconds)},
               {"max", std::ranges::max(seconds)}};
  if (part.gflop == 0) return json;
  json["gflops"] = part.gflop / middle;
  const bool is_bf16 = engine.find("bf16") != std::string::npos && m.peaks.contains("bf16");
  const auto peak = m.peaks.find(is_bf16 ? "bf16" : "f32");
  if (peak != m.peaks.end() && peak->second > 0)
    json["per_cent_of_peak"] = 100 * part.gflop / middle / peak->second;
  return json;
}

// Ours first, each with how many times as long as the fastest peer it takes.
Json part_json(const Part& part, const Engines& engines, const Measurements& m) {
  Json json = Json::object();
  const auto peer = fastest_peer(engines);
  for (const bool ours : {true, false}) {
    for (const auto& [engine, seconds] : engines) {
      if (is_ours(engine) != ours) continue;
      Json& row = json[engine] = row_json(part, engine, seconds, m);
      if (!ours || !peer) continue;
      const Goal& goal = engine == kOurs ? part.f32 : part.short_;
      row["ratio"] = ratio(seconds, engines.at(*peer));
      row["ratio"]["peer"] = *peer;
      if (goal.reach > 0) row["ratio"].update({{"reach", goal.reach}, {"aim", goal.aim}});
    }
  }
  return json;
}

double number(const Json& json, const char* key) { return json.at(key).get<double>(); }

std::string ratio_text(const Json& ratio) {
  std::string text =
      fmt::format("{:.2f} ({:.2f}-{:.2f}) of {}", number(ratio, "median"), number(ratio, "min"),
                  number(ratio, "max"), ratio.at("peer").get<std::string>());
  if (ratio.contains("reach"))
    text += fmt::format("; reach {:.2f}, aim {:.2f}", number(ratio, "reach"), number(ratio, "aim"));
  return text;
}

void print_part(const Part& part, const Json& engines) {
  fmt::print("\n{}\n", part.what);
  fmt::print("  {:14} {:>9} {:>9} {:>9} {:>9} {:>7}  {}\n", "", "median s", "min s", "max s",
             "GFLOP/s", "% peak", "ours / fastest peer's");
  for (const auto& [engine, row] : engines.items()) {
    fmt::print("  {:14} {:9.3f} {:9.3f} {:9.3f}", engine, number(row, "median"), number(row, "min"),
               number(row, "max"));
    const auto optional = [&](const char* key) {
      return row.contains(key) ? fmt::format("{:.1f}", number(row, key)) : "";
    };
    fmt::print(" {:>9} {:>7}  {}\n", optional("gflops"), optional("per_cent_of_peak"),
               row.contains("ratio") ? ratio_text(row["ratio"]) : "");
  }
}

// A guided step as one profile saw it.
struct Step {
  std::string name;
  double seconds, gflop, executed_gflop, gbytes;
  int64_t launches;
};

Result<Step> read_step(const std::string& name, const std::string& file) {
  ASSIGN_OR_RETURN(const Json json, read_json_file(file));
  const Json& component = json.at("components").at(0);
  const Json& work = component.at("stages").at(component.at("stage").get<std::string>());
  return Step{name,
              number(component.at("seconds").at("bare"), "median"),
              number(work, "flops") * 1e-9,
              number(work, "executed_flops") * 1e-9,
              number(work, "bytes") * 1e-9,
              work.at("launches").get<int64_t>()};
}

Json step_json(const Step& step, const Step& first) {
  return {{"seconds", step.seconds},
          {"gflop", step.gflop},
          {"executed_gflop", step.executed_gflop},
          {"gbytes", step.gbytes},
          {"launches", step.launches},
          {"time_to_first", step.seconds / first.seconds},
          {"flops_to_first", step.gflop / first.gflop}};
}

// Scaling with threads, or growth with the picture's size: each against the first of its kind.
Status report_steps(const Measurements& m, Json& json) {
  std::map<std::string, Step> first;  // by the name's first word
  for (const auto& [name, file] : m.profiles) {
    ASSIGN_OR_RETURN(const Step step, read_step(name, file));
    const Step& against = first.emplace(name.substr(0, name.find('_')), step).first->second;
    if (against.name == name)
      fmt::print("\n  {:14} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9}\n", "UNet step", "s", "GFLOP",
                 "executed", "GB", "launches", "time x", "GFLOP x");
    fmt::print("  {:14} {:9.3f} {:9.1f} {:9.1f} {:8.2f} {:9} {:9.2f} {:9.2f}\n", name, step.seconds,
               step.gflop, step.executed_gflop, step.gbytes, step.launches,
               step.seconds / against.seconds, step.gflop / against.gflop);
    json[name] = step_json(step, against);
  }
  return {};
}

void print_figure(const Figure& figure) {
  fmt::print("  {:36} {:9.2f} {:4}", figure.name, figure.value, figure.unit);
  if (figure.bound > 0) fmt::print("  aim: under {:g}", figure.bound);
  fmt::print("\n");
}

BarGroup bars_of(const Part& part, const Engines& engines) {
  BarGroup group{part.what, {}};
  for (const auto& [engine, seconds] : engines)
    group.bars.push_back({engine, median(seconds), std::ranges::min(seconds),
                          std::ranges::max(seconds), is_ours(engine)});
  std::ranges::sort(group.bars, {}, &Bar::median);
  return group;
}

Status report(const std::string& json_path, const std::string& plot_path) {
  Measurements m = read(std::cin);
  add_peers_pictures(m);
  Json json = {{"peak_gflops", m.peaks},
               {"parts", Json::object()},
               {"steps", Json::object()},
               {"figures", Json::object()}};
  for (const auto& [name, rate] : m.peaks)
    fmt::print("{} peak of this machine: {:.1f} GFLOP/s\n", name, rate);
  std::vector<BarGroup> groups;
  for (const Part& part : kParts) {
    const auto engines = m.parts.find(part.name);
    if (engines == m.parts.end() || engines->second.empty()) continue;
    print_part(part, json["parts"][part.name] = part_json(part, engines->second, m));
    groups.push_back(bars_of(part, engines->second));
  }
  TRY(report_steps(m, json["steps"]));
  if (!m.figures.empty()) fmt::print("\n");
  for (const Figure& figure : m.figures) {
    print_figure(figure);
    json["figures"][figure.name] = {
        {"value", figure.value}, {"unit", figure.unit}, {"bound", figure.bound}};
  }
  TRY(write_file(plot_path, bar_plot("Stable Diffusion 1.5 at 512x512: seconds", groups)));
  return write_file(json_path, json.dump(2) + "\n");
}

}  // namespace
}  // namespace tempera::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: report RESULTS.json RESULTS.svg < LINES\n");
    return 2;
  }
  const tempera::Status status = tempera::bench::report(argv[1], argv[2]);
  if (!status.ok()) fmt::print(stderr, "report: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
