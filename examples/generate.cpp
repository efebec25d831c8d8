// Makes one picture: generate MODEL "a red heart" heart.png
#include "api/run/generate.h"

#include <cstdio>

#include "api/compile/compile.h"
#include "api/run/files.h"

using namespace tempera;

static Status draw(const std::string& model, const std::string& prompt, const std::string& file) {
  ASSIGN_OR_RETURN(api::ModelSource source, api::open_model(model, {}));
  ASSIGN_OR_RETURN(const auto session, api::Session::open(std::move(source)));
  ASSIGN_OR_RETURN(const auto request,
                   api::resolve({.prompt = prompt, .steps = 10}, session->info()));
  ASSIGN_OR_RETURN(const api::Generated generated, api::generate(*session, request));
  return api::write_picture(file, generated.pictures.at(0));
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const Status status = draw(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status.ok() ? 0 : exit_code(status.error().code);
}
