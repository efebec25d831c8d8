#include "api/compile/inspect.h"

#include <memory>

#include "api/run/picture_settings.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string path, dump_after;
  bool kernels = false, tensors = false, json = false, work = false, guided = false;
  SizeFlags size;
  CompileFlags compile;
};

std::string shape_text(const Json& shape) {
  std::string text;
  for (const Json& extent : shape) text += (text.empty() ? "" : "x") + extent.dump();
  return text.empty() ? "scalar" : text;
}

std::string text_of(const Json& json, const char* key) { return json.at(key).get<std::string>(); }

void print_part(const Json& part) {
  std::string dtypes;
  for (const Json& row : part.at("dtypes"))
    dtypes += (dtypes.empty() ? "" : ", ") + text_of(row, "dtype");
  print(fmt::format("{:<14}{:>14}{:>10}{:>12}  {:<12}{}", text_of(part, "name"),
                    part.at("parameters").get<int64_t>(), part.at("tensor_count").get<int64_t>(),
                    bytes_text(part.at("bytes").get<int64_t>()), dtypes, text_of(part, "file")));
}

void print_tensors(const Json& part) {
  if (!part.contains("tensors")) return;
  print("\ntensors of " + text_of(part, "name"));
  for (const Json& tensor : part.at("tensors"))
    print(fmt::format("  {:<6}{:<20}{}", text_of(tensor, "dtype"), shape_text(tensor.at("shape")),
                      text_of(tensor, "name")));
}

void print_checkpoint(const Json& json) {
  const std::string pipeline = text_of(json, "pipeline");
  print(
      fmt::format("family {}{}", text_of(json, "family"), pipeline.empty() ? "" : ", " + pipeline));
  print(fmt::format("{:<14}{:>14}{:>10}{:>12}  {:<12}{}", "component", "parameters", "tensors",
                    "size", "dtypes", "file"));
  for (const Json& part : json.at("components")) print_part(part);
  for (const Json& part : json.at("components")) print_tensors(part);
}

void print_artifact(const Json& json) {
  print(fmt::format("artifact of {}, compiled by tempera {} for {} ({})", text_of(json, "model"),
                    text_of(json, "tempera_version"), text_of(json, "cpu"),
                    text_of(json, "triple")));
  for (const Json& other : json.at("others"))
    print(fmt::format("and for {} ({})", text_of(other, "cpu"), text_of(other, "triple")));
  print("weights " + text_of(json, "weights"));
  for (const Json& plan : json.at("plans")) {
    std::string text = fmt::format(
        "{:<14} {}x{}, batch {}", text_of(plan, "component"), plan.at("width").get<int64_t>(),
        plan.at("height").get<int64_t>(), plan.at("batch_size").get<int64_t>());
    for (const auto& [key, value] : plan.at("options").items())
      text += fmt::format(", {} {}", key, value.get<std::string>());
    print(text);
  }
}

void print_picture(const Json& json) {
  print(fmt::format("{} picture, {}x{}{}", text_of(json, "format"), json.at("width").get<int64_t>(),
                    json.at("height").get<int64_t>(),
                    json.at("has_alpha").get<bool>() ? ", with alpha" : ""));
  for (const auto& [keyword, text] : json.at("text").items())
    print("\n" + keyword + "\n" + text.get<std::string>());
}

Status describe(const Flags& flags) {
  if (api::is_picture(flags.path)) {
    ASSIGN_OR_RETURN(const Json picture, api::describe_picture(flags.path));
    if (flags.json)
      print(picture);
    else
      print_picture(picture);
    return {};
  }
  ASSIGN_OR_RETURN(const Json json,
                   api::describe_path(flags.path, flags.tensors, flags.compile.options().files));
  if (flags.json)
    print(json);
  else if (json.at("kind") == "artifact")
    print_artifact(json);
  else
    print_checkpoint(json);
  return {};
}

void print_component_work(const Json& component) {
  const Json& rows = component.at("rows");
  print(fmt::format("{}: inputs of {}x{}, batch {}, GFLOP", text_of(component, "component"),
                    component.at("width").get<int64_t>(), component.at("height").get<int64_t>(),
                    component.at("batch_size").get<int64_t>()));
  std::string line = fmt::format("{:<16}", "after");
  for (const auto& [kind, value] : rows.at(0).at("kinds").items())
    line += fmt::format("{:>15}", kind);
  print(line + fmt::format("{:>12}", "total"));
  for (const Json& row : rows) {
    line = fmt::format("{:<16}", text_of(row, "after"));
    for (const auto& [kind, value] : row.at("kinds").items())
      line += fmt::format("{:>15.3f}", value.get<double>());
    print(line + fmt::format("{:>12.3f}", row.at("gflop").get<double>()));
  }
  print(fmt::format("saved {:.2f} %\n", component.at("saved_percent").get<double>()));
}

Status count_work(const Flags& flags, const std::string& model, const std::string& component) {
  ASSIGN_OR_RETURN(const auto size, parse_size(flags.size.size));
  ASSIGN_OR_RETURN(const Json json, api::count_work(model,
                                                    {.component = component,
                                                     .width = size.first,
                                                     .height = size.second,
                                                     .batch_size = flags.size.batch_size},
                                                    flags.compile.options().files));
  if (flags.json)
    print(json);
  else
    for (const Json& one : json.at("components")) print_component_work(one);
  return {};
}

Status inspect(const Flags& flags) {
  const auto [model, component] = split_component(flags.path);
  if (flags.work) return count_work(flags, model, component);
  if (component.empty()) {
    if (flags.kernels || !flags.dump_after.empty())
      return error(ErrorCode::invalid_argument,
                   "--dump-after and --kernels take a component, as in {}:unet", model);
    return describe(flags);
  }
  ASSIGN_OR_RETURN(const auto size, parse_size(flags.size.size));
  ASSIGN_OR_RETURN(
      const std::string text,
      api::inspect_component(model,
                             {.component = component,
                              .width = size.first,
                              .height = size.second,
                              .batch_size = flags.size.batch_size,
                              .dump_after = flags.dump_after.empty() ? "fuse" : flags.dump_after,
                              .kernels = flags.kernels,
                              .guided = flags.guided},
                             flags.compile.options()));
  print(text);
  return {};
}

}  // namespace

void add_inspect(CLI::App& program, Action& action) {
  CLI::App* app =
      program.add_subcommand("inspect",
                             "Tell what a model, file, artifact or picture holds, or how a "
                             "component is compiled");
  auto flags = std::make_shared<Flags>();
  app->add_option(
         "PATH", flags->path,
         "A checkpoint, a file of tensors, an artifact or a picture; MODEL:COMPONENT for a "
         "graph")
      ->required();
  app->add_flag("--tensors", flags->tensors, "List the tensors too");
  app->add_flag("--json", flags->json, "Print the result as JSON");
  app->add_option("--dump-after", flags->dump_after,
                  "Print the component's graph after this pass: build, simplify, fold_literals, "
                  "..., fuse")
      ->type_name("PASS");
  app->add_flag("--kernels", flags->kernels, "Print the component's kernels");
  app->add_flag("--work", flags->work,
                "Count the operations of a picture's components (the UNet's of a guided step), as "
                "written and after each pass that saves some");
  app->add_flag("--guided", flags->guided,
                "Print the UNet as a step with guidance calls it, with both halves of the batch");
  flags->size.add(*app);
  flags->compile.add(*app);
  app->footer(
      "Examples:\n"
      "  tempera inspect stable-diffusion-v1-5\n"
      "  tempera inspect stable-diffusion-v1-5:unet --dump-after fuse --size 512x512\n"
      "  tempera inspect stable-diffusion-v1-5:unet --work");
  app->callback([flags, &action] { action = [flags] { return inspect(*flags); }; });
}

}  // namespace tempera::cli
