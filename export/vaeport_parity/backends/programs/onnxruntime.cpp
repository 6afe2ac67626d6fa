// Runs one graph with libonnxruntime from C++. Arguments: model; number of inputs; for each input and output its name and the
// sizes of a row, "image 1 28 28" for instance. Requests come on stdin, answers go to stdout; see ../piped.py for their form.
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

struct Port {
  std::string name;
  std::vector<int64_t> row;
  int64_t size = 1;
};

static Port parse(const char* words) {
  Port port;
  std::istringstream in(words);
  in >> port.name;
  for (int64_t size; in >> size;) {
    port.row.push_back(size);
    port.size *= size;
  }
  return port;
}

static void take(void* to, size_t bytes) {
  if (bytes && std::fread(to, 1, bytes, stdin) != bytes) std::exit(0);
}

static void give(const void* from, size_t bytes) {
  if (bytes && std::fwrite(from, 1, bytes, stdout) != bytes) std::exit(1);
}

int main(int argc, char** argv) {
  const int inputs = std::atoi(argv[2]);
  std::vector<Port> ports;
  std::vector<const char*> names;
  for (int i = 3; i < argc; ++i) ports.push_back(parse(argv[i]));
  for (const Port& port : ports) names.push_back(port.name.c_str());

  Ort::Env environment(ORT_LOGGING_LEVEL_FATAL, "parity");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(environment, argv[1], options);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);

  for (;;) {
    int32_t rows = 0;
    take(&rows, sizeof rows);
    std::vector<std::vector<float>> values(inputs);
    std::vector<Ort::Value> given;
    for (int i = 0; i < inputs; ++i) {
      values[i].resize(rows * ports[i].size);
      take(values[i].data(), values[i].size() * sizeof(float));
      std::vector<int64_t> shape{rows};
      shape.insert(shape.end(), ports[i].row.begin(), ports[i].row.end());
      given.push_back(Ort::Value::CreateTensor<float>(memory, values[i].data(), values[i].size(), shape.data(), shape.size()));
    }
    try {
      const auto found = session.Run(Ort::RunOptions{nullptr}, names.data(), given.data(), inputs, names.data() + inputs,
                                     ports.size() - inputs);
      const int32_t good = 0;
      give(&good, sizeof good);
      for (size_t i = inputs; i < ports.size(); ++i)
        give(found[i - inputs].GetTensorData<float>(), rows * ports[i].size * sizeof(float));
    } catch (const Ort::Exception& error) {
      const std::string text = error.what();
      const int32_t words[] = {1, static_cast<int32_t>(text.size())};
      give(words, sizeof words);
      give(text.data(), text.size());
    }
    std::fflush(stdout);
  }
}
